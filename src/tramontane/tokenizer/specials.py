"""The special tokens of our own tokenizers, in the order of their ids (they come first: 0 to 10)."""

END_OF_TEXT = "<|endoftext|>"
IM_START = "<|im_start|>"
IM_END = "<|im_end|>"
# room for what later training needs (tools, thinking, fill-in-the-middle) without a new vocabulary
RESERVED = tuple(f"<|reserved_{index}|>" for index in range(8))
SPECIALS = (END_OF_TEXT, IM_START, IM_END, *RESERVED)
