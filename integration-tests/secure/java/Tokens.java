// Writes a file of delegation tokens as a scheduler has it, by Hadoop's and Hive's own classes:
// Tokens FILE KEYTAB USER WHAT..., where WHAT is hdfs, metastore=URL, hiveserver2=URL, cancelled-metastore=URL,
// cancelled-hiveserver2=URL or hbase. The last is made up: no server of HBase is asked for it.
import java.sql.DriverManager;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.hive.conf.HiveConf;
import org.apache.hadoop.hive.metastore.HiveMetaStoreClient;
import org.apache.hadoop.hive.metastore.conf.MetastoreConf;
import org.apache.hadoop.io.Text;
import org.apache.hadoop.security.Credentials;
import org.apache.hadoop.security.UserGroupInformation;
import org.apache.hadoop.security.token.Token;
import org.apache.hadoop.security.token.TokenIdentifier;
import org.apache.hive.jdbc.HiveConnection;

public class Tokens {
    public static void main(String[] arguments) throws Exception {
        HiveConf conf = new HiveConf();
        UserGroupInformation.setConfiguration(conf);
        String user = arguments[2];
        UserGroupInformation.loginUserFromKeytab(user, arguments[1]);
        Credentials credentials = new Credentials();
        for (int i = 3; i < arguments.length; i++) {
            String[] what = arguments[i].split("=", 2);
            boolean cancelled = what[0].startsWith("cancelled-");
            switch (what[0].replace("cancelled-", "")) {
                case "hdfs" -> FileSystem.get(conf).addDelegationTokens(user, credentials);
                case "metastore" -> {
                    Configuration own = new HiveConf(conf);
                    MetastoreConf.setVar(own, MetastoreConf.ConfVars.THRIFT_URIS, what[1]);
                    HiveMetaStoreClient client = new HiveMetaStoreClient(own);
                    String text = client.getDelegationToken(user, user);
                    add(credentials, text, "thriftMetastore");
                    if (cancelled) client.cancelDelegationToken(text);
                    client.close();
                }
                case "hiveserver2" -> {
                    try (HiveConnection connection = (HiveConnection) DriverManager.getConnection(what[1])) {
                        String text = connection.getDelegationToken(user, user);
                        add(credentials, text, "hiveserver2ClientToken");
                        if (cancelled) connection.cancelDelegationToken(text);
                    }
                }
                case "hbase" -> credentials.addToken(new Text("hbase"),
                    new Token<>(new byte[] {1}, new byte[] {2}, new Text("HBASE_AUTH_TOKEN"), new Text("cluster")));
                default -> throw new IllegalArgumentException(what[0]);
            }
        }
        credentials.writeTokenStorageFile(new Path("file://" + arguments[0]), conf);
    }

    private static void add(Credentials credentials, String text, String service) throws Exception {
        Token<TokenIdentifier> token = new Token<>();
        token.decodeFromUrlString(text);
        token.setService(new Text(service));
        credentials.addToken(new Text(service), token);
    }
}
