"""One line of JSON for each compression: what Python's clickhouse-connect put in and got back."""

import datetime
import json
import sys

import clickhouse_connect

host, port, username, password, database = sys.argv[1:]
for compress in [False, "gzip", "zstd", "lz4"]:
    client = clickhouse_connect.get_client(
        host=host,
        port=int(port),
        username=username,
        password=password,
        database=database,
        compress=compress,
    )
    client.command("DROP TABLE IF EXISTS connected")
    client.command(
        "CREATE TABLE connected (id UInt64, text String, at DateTime64(3, 'UTC'), maybe Nullable(Float64),"
        " list Array(String), kind LowCardinality(String)) ENGINE = MergeTree ORDER BY id"
    )
    at = datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=datetime.timezone.utc)
    rows = [[n, f"row {n} é", at, None if n % 2 else n / 2, ["a", "b"], "k"] for n in range(5000)]
    client.insert("connected", rows, column_names=["id", "text", "at", "maybe", "list", "kind"])
    total = client.query(
        "SELECT count(), sum(id) FROM connected WHERE text LIKE {like:String} AND length(list) = {n:UInt8}",
        parameters={"like": "row % é", "n": 2},
    ).result_rows[0]
    with client.query_row_block_stream("SELECT number FROM numbers(100000)") as stream:
        streamed = sum(len(block) for block in stream)
    try:
        client.query("SELECT nope")
        code = 0
    except clickhouse_connect.driver.exceptions.DatabaseError as error:
        code = 47 if "UNKNOWN_IDENTIFIER" in str(error) or "code: 47" in str(error) else -1
    print(
        json.dumps(
            {
                "compress": compress,
                "rows": total[0],
                "sum": total[1],
                "streamed": streamed,
                "empty": len(client.query("SELECT 1 WHERE 0").result_rows),
                "code": code,
            }
        )
    )
    client.close()
