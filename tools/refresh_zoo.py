"""Bring sha256 and bytes in weights/zoo.toml up to date with the files, after one was built anew."""

from __future__ import annotations

import re

from maquette.weights.store import ZOO_FILE, sha256, zoo


def main() -> None:
    text = ZOO_FILE.read_text(encoding="utf-8")
    for name, entry in zoo().items():
        start = text.index(f"[{name}]")
        end = text.find("\n[", start) % (len(text) + 1)
        table = re.sub(r'sha256 = ".*"', f'sha256 = "{sha256(entry.file)}"', text[start:end])
        table = re.sub(r"bytes = \d+", f"bytes = {entry.file.stat().st_size}", table)
        text = text[:start] + table + text[end:]
        print(f"{name}: {entry.file.stat().st_size} bytes")
    ZOO_FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
