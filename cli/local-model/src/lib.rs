//! A small real language model behind an OpenAI-compatible endpoint, in process
