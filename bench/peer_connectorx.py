"""connectorx into pyarrow's Parquet writer: peer_connectorx.py URL PASSWORD_FILE TABLE CONNECTIONS FILE"""

import sys
from pathlib import Path

import connectorx
import pyarrow.parquet

url, password_file, table, connections, target = sys.argv[1:]
scheme, rest = url.split("://", 1)
user, server = rest.split("@", 1)
password = Path(password_file).read_text().strip()
split = {"partition_on": "id", "partition_num": int(connections)} if int(connections) > 1 else {}
rows = connectorx.read_sql(
    f"{scheme}://{user}:{password}@{server}", f"select * from {table}", return_type="arrow", protocol="binary", **split
)
pyarrow.parquet.write_table(rows, target, compression="zstd", compression_level=1)
