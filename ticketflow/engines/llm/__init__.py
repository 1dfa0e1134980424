"""The LLM engine: any LangChain chat model behind the ports, with the embedded engine to fall back to.

Imports nothing: what others need to know of it is light, and the engine itself is loaded only where a model is set.
"""
