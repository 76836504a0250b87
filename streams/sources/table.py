"""Rows of a file whose first line names its columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path

from streams.sources.errors import SourceError, broken_line
from streams.sources.files import opened


def rows(path: Path, columns: Sequence[str], *, delimiter: str = ",") -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the line number (from 1, the header's) and the named columns (two or more) of every row.

    Columns may stand in any order, others are passed over, and so are empty lines. A row may be shorter than
    the header as long as it has the columns that were asked for.

    Raises
    ------
    SourceError
        The file cannot be read, lacks a column, is not UTF-8, or a row is too short.
    """
    with opened(path) as stream:
        table = csv.reader(io.TextIOWrapper(stream, "utf-8-sig", newline=""), delimiter=delimiter)
        try:
            pick = itemgetter(*_positions(path, next(table, []), columns))
            for row in table:
                if row:
                    yield table.line_num, pick(row)
        except IndexError as error:
            raise broken_line(path, table.line_num, f"{len(row)} columns are too few") from error
        except csv.Error as error:
            raise broken_line(path, table.line_num, error) from error
        except UnicodeDecodeError as error:
            raise broken_line(path, _undecodable_line(path), "this is not UTF-8") from error


def _positions(path: Path, header: list[str], columns: Sequence[str]) -> list[int]:
    missing = [column for column in columns if column not in header]
    if missing:
        raise SourceError(
            f"{path}, line 1: no column is named {', '.join(missing)}; check the format and the header line"
        )
    return [header.index(column) for column in columns]


def _undecodable_line(path: Path) -> int:
    # Text is decoded a block at a time, so the line the reader has come to is not yet the broken one.
    with opened(path) as stream:
        for number, line in enumerate(stream, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 0
