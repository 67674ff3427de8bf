import java.sql.DriverManager;
import java.sql.SQLException;

/** One line for each way to compress: what ClickHouse's JDBC driver put in and got back. */
class ClickHouseJdbc {
    public static void main(String[] arguments) throws Exception {
        for (String options : new String[] {"compress=0", "decompress=1"}) {
            String url = "jdbc:clickhouse:" + arguments[0] + "/" + arguments[3] + "?" + options;
            try (var connection = DriverManager.getConnection(url, arguments[1], arguments[2]);
                    var statement = connection.createStatement()) {
                String version = connection.getMetaData().getDatabaseProductVersion();
                statement.execute("DROP TABLE IF EXISTS driven");
                statement.execute(
                        "CREATE TABLE driven (id UInt64, text String) ENGINE = MergeTree ORDER BY id");
                try (var insert = connection.prepareStatement("INSERT INTO driven (id, text) VALUES (?, ?)")) {
                    for (int id = 0; id < 1000; id++) {
                        insert.setLong(1, id);
                        insert.setString(2, "it's " + id);
                        insert.addBatch();
                    }
                    insert.executeBatch();
                }
                long sum = 0;
                var query = "SELECT id FROM driven WHERE id >= ? AND text LIKE ? UNION ALL SELECT * FROM numbers(100000)";
                try (var select = connection.prepareStatement(query)) {
                    select.setLong(1, 990);
                    select.setString(2, "it's %");
                    try (var rows = select.executeQuery()) {
                        while (rows.next()) sum += rows.getLong(1);
                    }
                }
                int columns = 0;
                try (var found = connection.getMetaData().getColumns(null, arguments[3], "driven", "%")) {
                    while (found.next()) columns++;
                }
                String refused = "no";
                try {
                    statement.executeQuery("SELECT nope");
                } catch (SQLException exception) {
                    refused = exception.getMessage().contains("UNKNOWN_IDENTIFIER") ? "yes" : exception.getMessage();
                }
                boolean hasVersion = version.matches("\\d+\\.\\d+.*");
                System.out.println(options + " " + hasVersion + " " + sum + " " + columns + " " + refused);
            }
        }
    }
}
