"""Documents in; clean, deduplicated, licensed, packed token shards with a manifest out."""
