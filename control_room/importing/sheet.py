"""The bytes of a CSV file as rows, however the office's program has saved it."""

import csv
import io
import unicodedata

import msgspec

from haechi.errors import ConfigError

_ENCODINGS = ("utf-8-sig", "cp949")  # what Korean offices send; the first one that fits
_WIDE = (b"\xff\xfe", b"\xfe\xff")
MOST_BYTES = 64 << 20


class Row(msgspec.Struct, frozen=True):
    """One row: the line of the file that it begins on, and its cells by column, stripped; empty ones are left out."""

    line: int
    cells: dict[str, str]
    too_many: bool = False


class Sheet(msgspec.Struct, frozen=True):
    """The columns as they stand in the first line, and the rows that are not empty."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read(data: bytes, name: str) -> Sheet:
    """`name` is the file's, for the words of the ConfigError where it cannot be read at all."""
    if len(data) > MOST_BYTES:
        raise ConfigError(f"{name} has more than {MOST_BYTES >> 20} MiB; split it.")
    text = _text(data, name)
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[Row] = []
    try:
        columns = tuple(cell.strip() for cell in next(reader, ()))
        line = reader.line_num + 1
        for cells in reader:
            values = [cell.strip() for cell in cells]
            if any(values):
                kept = {column: value for column, value in zip(columns, values, strict=False) if value}
                rows.append(Row(line, kept, any(values[len(columns) :])))
            line = reader.line_num + 1
    except csv.Error as error:
        raise ConfigError(f"{name}, line {reader.line_num}: this is no CSV ({error}). Save it again as CSV.") from error
    twice = {column for column in columns if columns.count(column) > 1 and column}
    if twice:
        raise ConfigError(f"{name}, line 1: the column {', '.join(sorted(twice))} stands there twice.")
    return Sheet(columns, tuple(rows))


def _text(data: bytes, name: str) -> str:
    if data.startswith(_WIDE):
        raise ConfigError(f'{name} is UTF-16 (Excel\'s "Unicode text"); save it as CSV UTF-8.')
    fits = 0
    for encoding in _ENCODINGS:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            fits = max(fits, error.start)  # it is in the encoding in which it can be read the furthest
            continue
        if "\0" in text:
            raise ConfigError(f"{name} is no text file; save the table as CSV UTF-8.")
        return unicodedata.normalize("NFC", text)  # a Mac may write 김 as three letters
    line = data[:fits].count(b"\n") + 1
    raise ConfigError(f"{name}, line {line}: neither UTF-8 nor CP949. Save the table as CSV UTF-8.")
