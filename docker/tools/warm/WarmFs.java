import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FsShell;
import org.apache.hadoop.util.ToolRunner;

/** hdfs dfs. */
final class WarmFs extends Warm {
  @Override
  int run(String[] arguments) throws Exception {
    return ToolRunner.run(new Configuration(), new FsShell(), arguments);
  }

  public static void main(String[] port) throws Exception {
    new WarmFs().serve(Integer.parseInt(port[0]));
  }
}
