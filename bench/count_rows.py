"""Counts the rows of an output with another project's reader: count_rows.py parquet|avro|text file:PATH|hdfs:DIR

Prints rows, files and bytes. Hidden files and folders (of Kite, of a load under way) are not data.
"""

import io
import sys
from pathlib import Path

import fastavro
import hdfs
import pyarrow.parquet


def contents(place):
    kind, path = place.split(":", 1)
    if kind == "hdfs":
        found = ((name, lambda name=name: hdfs.read(name)) for name, _ in hdfs.files(path))
    else:
        below = sorted(Path(path).rglob("*")) if Path(path).is_dir() else [Path(path)]
        found = ((str(file), file.read_bytes) for file in below if file.is_file())
    for name, read in found:
        if not any(part.startswith((".", "_")) for part in name.removeprefix(path).strip("/").split("/")):
            yield read()


def rows(form, data):
    if form == "parquet":
        return pyarrow.parquet.ParquetFile(io.BytesIO(data)).metadata.num_rows
    if form == "avro":
        return sum(block.num_records for block in fastavro.block_reader(io.BytesIO(data)))
    return data.count(b"\n")


total = [0, 0, 0]
for content in contents(sys.argv[2]):
    total = [total[0] + rows(sys.argv[1], content), total[1] + 1, total[2] + len(content)]
print(*total)
