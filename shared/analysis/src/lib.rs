//! What an analysis is: prompts, the shape of the model's reply, Markdown
