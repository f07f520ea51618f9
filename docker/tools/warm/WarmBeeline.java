import org.apache.hive.beeline.BeeLine;

/** beeline. */
final class WarmBeeline extends Warm {
  @Override
  int run(String[] arguments) throws Exception {
    try (BeeLine beeline = new BeeLine()) {
      return beeline.begin(arguments, null);
    }
  }

  public static void main(String[] port) throws Exception {
    new WarmBeeline().serve(Integer.parseInt(port[0]));
  }
}
