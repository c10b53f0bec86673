"""The OpenAI dialect: its JSON to our requests, our answers to its JSON, and nothing else.

Fields and shapes: https://platform.openai.com/docs/api-reference, as the `openai` package types them.
"""
