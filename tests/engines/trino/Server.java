import io.trino.plugin.hive.HivePlugin;
import io.trino.plugin.iceberg.IcebergPlugin;
import io.trino.server.testing.TestingTrinoServer;
import java.util.HashMap;
import java.util.Map;

/** A Trino whose tables are in the S3 and Glue behind an address, as Athena's are; it ends when its input does. */
public class Server {
  public static void main(String[] arguments) throws Exception {
    var output = System.out; // which Trino takes for its log
    var aws =
        Map.of(
            "hive.metastore.glue.endpoint-url", arguments[0],
            "hive.metastore.glue.region", "us-east-1",
            "hive.metastore.glue.aws-access-key", "testing",
            "hive.metastore.glue.aws-secret-key", "testing",
            "fs.s3.enabled", "true",
            "s3.endpoint", arguments[0],
            "s3.region", "us-east-1",
            "s3.aws-access-key", "testing",
            "s3.aws-secret-key", "testing",
            "s3.path-style-access", "true");
    var iceberg = new HashMap<>(aws);
    iceberg.put("iceberg.catalog.type", "glue");
    iceberg.put("iceberg.hive-catalog-name", "hive");
    iceberg.put("iceberg.expire-snapshots.min-retention", "0s");
    iceberg.put("iceberg.remove-orphan-files.min-retention", "0s");
    iceberg.put("iceberg.extended-statistics.collect-on-write", "false");
    var hive = new HashMap<>(aws);
    hive.put("hive.metastore", "glue");
    hive.put("hive.table-statistics-enabled", "false"); // moto has none
    var server = TestingTrinoServer.builder().build();
    server.installPlugin(new IcebergPlugin());
    server.installPlugin(new HivePlugin());
    server.createCatalog("awsdatacatalog", "iceberg", iceberg);
    server.createCatalog("hive", "hive", hive);
    output.println("listens at " + server.getBaseUrl());
    output.flush();
    while (System.in.read() >= 0) {}
    Runtime.getRuntime().halt(0);
  }
}
