"""The generator seam: chat models behind LangChain's `BaseChatModel`, and what they are given to read."""
