"""Spark's JDBC reader in local mode: peer_spark.py JARS HOST:PORT/DATABASE USER PASSWORD_FILE TABLE ROWS SPLITS TARGET"""

import sys
from pathlib import Path

from pyspark.sql import SparkSession

jars, server, user, password_file, table, rows, splits, target = sys.argv[1:]
spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.jars", jars)
    .config("spark.driver.memory", "2g")
    .config("spark.ui.enabled", "false")
    .config("spark.hadoop.fs.defaultFS", "file:///")
    .getOrCreate()
)
reader = (
    spark.read.format("jdbc")
    .option("url", f"jdbc:mysql://{server}?useSSL=false")
    .option("driver", "com.mysql.jdbc.Driver")
    .option("dbtable", table)
    .option("user", user)
    .option("password", Path(password_file).read_text().strip())
    .option("fetchsize", str(-(2**31)))  # the driver's word for: row by row, not all at once
)
if int(splits) > 1:
    reader = (
        reader.option("partitionColumn", "id")
        .option("lowerBound", "1")
        .option("upperBound", rows)
        .option("numPartitions", splits)
    )
reader.load().write.mode("overwrite").option("compression", "zstd").parquet(target)
