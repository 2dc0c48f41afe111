import io.trino.plugin.iceberg.IcebergPlugin;
import io.trino.spi.type.TimeZoneKey;
import io.trino.testing.QueryRunner;
import io.trino.testing.StandaloneQueryRunner;
import io.trino.testing.TestingSession;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Runs the statements of a file on Trino with tables of Iceberg in a folder, and writes for each its rows or why it failed. */
public class Statements {
  public static void main(String[] arguments) throws Exception {
    var session =
        TestingSession.testSessionBuilder()
            .setCatalog("awsdatacatalog")
            .setSchema("core")
            .setTimeZoneKey(TimeZoneKey.UTC_KEY)
            .build();
    var told = new StringBuilder();
    try (QueryRunner trino = new StandaloneQueryRunner(session)) {
      trino.installPlugin(new IcebergPlugin());
      trino.createCatalog(
          "awsdatacatalog",
          "iceberg",
          Map.of(
              "iceberg.catalog.type", "TESTING_FILE_METASTORE",
              "hive.metastore.catalog.dir", "local:///metastore",
              "local.location", arguments[1],
              "fs.local.enabled", "true"));
      for (String sql : Files.readString(Path.of(arguments[0])).split("\n;;;;\n")) {
        try {
          told.append(trino.execute(sql).getMaterializedRows());
        } catch (RuntimeException error) {
          told.append("failed: ").append(String.valueOf(error.getMessage()).replace("\n", " "));
        }
        told.append("\n");
      }
    }
    Files.writeString(Path.of(arguments[2]), told);
    System.exit(0);
  }
}
