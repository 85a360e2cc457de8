from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

# check_embedding_ctx_length: texts are sent, not tokens of OpenAI's own models.
embeddings = OpenAIEmbeddings(model="all-minilm-l6-v2", check_embedding_ctx_length=False)
store = InMemoryVectorStore.from_texts(["The night train leaves at 21:40."], embeddings)
found = store.similarity_search("when does the train leave", k=1)[0].page_content
print(ChatOpenAI(model="smollm2-135m-instruct").invoke(f"{found} When does it leave?").content)
