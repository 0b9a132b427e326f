"""Compressed text, kept by the machine until it is closed."""

import gzip
import tempfile
from io import TextIOWrapper
from typing import BinaryIO, Final

LEVEL: Final = 5  # of 9: beyond it, twice the time for some hundredths of the size


class PackedText:
    """Text that is written to `text`, then read from `finish`, or as lines of text from `read_again`."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the file is left
        packed = gzip.GzipFile(filename="", fileobj=self._file, mode="wb", compresslevel=LEVEL, mtime=0)
        self.text = TextIOWrapper(packed, "utf-8", newline="")

    def finish(self) -> BinaryIO:
        """The whole, compressed, to be read from its start."""
        self.text.close()
        self._file.seek(0)
        return self._file

    def read_again(self) -> TextIOWrapper:
        """The whole, as the text that was written."""
        return TextIOWrapper(gzip.GzipFile(fileobj=self.finish()), "utf-8", newline="")

    def close(self) -> None:
        """Let it go."""
        self._file.close()
