"""Time and memory of building a corpus from 1 GB of text.

    python benchmarks/corpus.py [--megabytes 1000] [--out benchmarks/results/corpus]

The text is made here: French-looking words, as frequent as Zipf's law says, four fifths as prose of about 4 kB and
one fifth as short dialogues. Every 20th document repeats an earlier one, every 20th repeats one with a word changed:
the result says how many of them were found (a word is much of a short dialogue: by five-word shingles many of
those are no near duplicates). Making the text and training the tokenizer are not counted. The build runs in its own
process; its peak resident memory is the kernel's VmHWM.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tramontane.common.units import format_bytes, format_count, format_duration
from tramontane.corpus.build import build_corpus
from tramontane.corpus.duplicates import EXACT, NEAR
from tramontane.corpus.texts import iter_training_texts
from tramontane.tokenizer.tokenizer import Tokenizer
from tramontane.tokenizer.train import train_tokenizer

SOURCES = """
[[source]]
name = "prose"
path = "prose.jsonl"
licence = "CC0-1.0"
language = "fr"
kind = "prose"

[[source]]
name = "chat"
path = "chat.jsonl"
licence = "CC0-1.0"
language = "fr"
kind = "chat"
"""
FUNCTION_WORDS = "et des les du une dans pour est qui pas vous avec sur il je elle cette mais ce nous"
SYLLABLES = "ba ce di fou gré ha jeu lan mé noi pa qui ren sol té ur vi zé chê œu blan tra mon dra cle"
VOCABULARY = 200_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--out", type=Path, help="write the result here, as .json and .md")
    parser.add_argument("--folder", type=Path, help="for files in between; else a temporary folder")
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build:
        print(json.dumps(build(options.build)))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        result = describe(options.megabytes) | measure(Path(name), options.megabytes * 1_000_000)
    print(json.dumps(result, indent=1))
    if options.out:
        options.out.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
        options.out.with_suffix(".md").write_text(as_markdown(result))


def describe(megabytes: int) -> dict[str, Any]:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    )
    return {
        "command": f"python benchmarks/corpus.py --megabytes {megabytes}",
        "commit": commit.stdout.strip(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 1),
    }


def processor() -> str:
    info = Path("/proc/cpuinfo")
    names = (
        [line for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    return names[0].split(":", 1)[1].strip() if names else platform.machine()


def measure(folder: Path, size: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    planted = {
        "prose": write_documents(
            folder / "prose.jsonl", size * 4 // 5, rng, 650, lambda text: {"text": text}
        ),
        "chat": write_documents(folder / "chat.jsonl", size // 5, rng, 70, dialogue),
    }
    (folder / "sources.toml").write_text(SOURCES)
    texts = iter_training_texts(folder / "sources.toml", folder, fraction=min(1.0, 3e6 / size))
    train_tokenizer(texts, 16_384).save(folder / "tokenizer")
    command = [sys.executable, __file__, "--build", str(folder)]
    built = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    written = sum((folder / f"{kind}.jsonl").stat().st_size for kind in ("prose", "chat"))
    return {"bytes_of_text": written, "planted": planted} | built


def dialogue(text: str) -> dict[str, Any]:
    question, answer = text[: len(text) // 4], text[len(text) // 4 :]
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def write_documents(
    path: Path, size: int, rng: np.random.Generator, mean_words: int, shape: Callable[[str], dict[str, Any]]
) -> dict[str, int]:
    """Fill the file; how many duplicates were planted, by the reason that they should be dropped for."""
    planted = {EXACT: 0, NEAR: 0}
    texts = zipf_texts(rng, mean_words)
    earlier: deque[str] = deque(maxlen=50_000)
    with path.open("w", encoding="utf-8") as file:
        number = 0
        while file.tell() < size:
            number += 1
            text = next(texts)
            if number % 20 == 0:
                text = earlier[int(rng.integers(len(earlier)))]
                planted[EXACT] += 1
            elif number % 20 == 10 and len(earlier) > 10:
                text = changed(earlier[int(rng.integers(len(earlier)))], rng)
                planted[NEAR] += 1
            else:
                earlier.append(text)
            file.write(json.dumps(shape(text), ensure_ascii=False) + "\n")
    return planted


def changed(text: str, rng: np.random.Generator) -> str:
    words = text.split(" ")
    words[int(rng.integers(len(words)))] = f"autrement{rng.integers(1_000_000)}"
    return " ".join(words)


def zipf_texts(rng: np.random.Generator, mean_words: int) -> Iterator[str]:
    syllables = np.array(SYLLABLES.split(), dtype=object)
    lengths = rng.integers(2, 5, VOCABULARY)
    words = ["".join(syllables[rng.integers(0, len(syllables), length)]) for length in lengths]
    vocabulary = np.array(FUNCTION_WORDS.split() + words, dtype=object)
    cumulative = np.cumsum(1 / np.arange(3, len(vocabulary) + 3))
    cumulative /= cumulative[-1]
    while True:
        drawn = vocabulary[np.searchsorted(cumulative, rng.random(200_000))]
        start = 0
        while start < len(drawn) - 3 * mean_words:
            end = start + int(rng.integers(mean_words // 3, 2 * mean_words))
            sentences = (" ".join(drawn[i : min(i + 14, end)]).capitalize() for i in range(start, end, 14))
            yield ". ".join(sentences) + "."
            start = end


def build(folder: Path) -> dict[str, Any]:
    tokenizer = Tokenizer.load(folder / "tokenizer")
    begin, cpu = time.perf_counter(), time.process_time()
    manifest = build_corpus(folder / "sources.toml", folder, folder / "corpus", tokenizer)
    return {
        "seconds": round(time.perf_counter() - begin, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "peak_resident_bytes": peak_resident_bytes(),
        "documents": sum(manifest.kept.values()),
        "tokens": sum(shard.tokens for shard in manifest.shards),
        "dropped": {source: dict(reasons) for source, reasons in manifest.dropped.items()},
    }


def peak_resident_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def as_markdown(result: dict[str, Any]) -> str:
    rows = {
        "text": format_bytes(result["bytes_of_text"]),
        "documents kept": format_count(result["documents"]),
        "tokens": format_count(result["tokens"]),
        "time": f"{format_duration(result['seconds'])} ({format_duration(result['cpu_seconds'])} of processor time)",
        "peak resident memory": format_bytes(result["peak_resident_bytes"]),
    }
    for kind, planted in result["planted"].items():
        for reason, count in planted.items():
            rows[f"{kind}: {reason}s found"] = (
                f"{result['dropped'][kind].get(reason, 0):,} of {count:,} planted"
            )
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    return (
        f"# Building a corpus\n\n`{result['command']}` at commit {result['commit']}, on {result['cores']} cores of "
        f"{result['processor']} (load before: {result['load_before']}).\n\n| | |\n| --- | --- |\n{table}\n"
    )


if __name__ == "__main__":
    main()
