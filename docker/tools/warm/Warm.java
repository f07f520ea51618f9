import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.security.PrivilegedExceptionAction;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.security.UserGroupInformation;

/**
 * A stock command line in a JVM that stays: to start one takes two seconds of a core, and the tests start hundreds.
 *
 * <p>A request is a number of texts, each with a NUL behind it: how many follow, a directory with the pipes in, out and
 * err, the ticket cache and its principal (both empty without Kerberos), the arguments. The answer is the exit code in a
 * line. Each request is a user of its own to Hadoop, so that nothing of another one's connections is used.
 */
abstract class Warm {
  private static final InheritableThreadLocal<InputStream> IN = new InheritableThreadLocal<>();
  private static final InheritableThreadLocal<OutputStream> OUT = new InheritableThreadLocal<>();
  private static final InheritableThreadLocal<OutputStream> ERR = new InheritableThreadLocal<>();

  /** Runs the command line; gives its exit code. */
  abstract int run(String[] arguments) throws Exception;

  final void serve(int port) throws IOException {
    PrintStream log = System.err;
    System.setIn(new In());
    System.setOut(new PrintStream(new Out(OUT, System.out), true));
    System.setErr(new PrintStream(new Out(ERR, System.err), true));
    UserGroupInformation.setConfiguration(new Configuration());
    ServerSocket server = new ServerSocket(port, 50, InetAddress.getLoopbackAddress());
    while (true) {
      Socket client = server.accept();
      new Thread(() -> {
        try (client) {
          answer(client);
        } catch (Exception e) {
          e.printStackTrace(log);
        }
      }).start();
    }
  }

  private void answer(Socket client) throws IOException {
    InputStream in = new BufferedInputStream(client.getInputStream());
    String first = text(in);
    if (first == null) {
      return; // Somebody looked whether this is here.
    }
    int count = Integer.parseInt(first);
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      texts.add(text(in));
    }
    File pipes = new File(texts.get(0));
    String[] arguments = texts.subList(3, count).toArray(new String[0]);
    int code = 70;
    try (OutputStream out = new FileOutputStream(new File(pipes, "out"));
        OutputStream err = new FileOutputStream(new File(pipes, "err"))) {
      IN.set(new Pipe(new File(pipes, "in")));
      OUT.set(out);
      ERR.set(err);
      try {
        code = as(texts.get(1), texts.get(2), () -> run(arguments));
      } catch (Exception e) {
        e.printStackTrace(System.err);
      }
      System.out.flush();
      System.err.flush();
    }
    client.getOutputStream().write((code + "\n").getBytes());
  }

  private static int as(String cache, String principal, PrivilegedExceptionAction<Integer> action) throws Exception {
    UserGroupInformation user =
        cache.isEmpty()
            ? UserGroupInformation.createRemoteUser(System.getenv().getOrDefault("HADOOP_USER_NAME", "root"))
            : UserGroupInformation.getUGIFromTicketCache(cache.replaceFirst("^FILE:", ""), principal);
    // Hive's driver looks whether the JVM itself has logged in the same way.
    UserGroupInformation.setLoginUser(user);
    try {
      return user.doAs(action);
    } finally {
      FileSystem.closeAllForUGI(user);
    }
  }

  /** The next text; null at the end. */
  private static String text(InputStream in) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int next; (next = in.read()) != 0; ) {
      if (next < 0) {
        return null;
      }
      bytes.write(next);
    }
    return bytes.toString("UTF-8");
  }

  /** A pipe that is opened when it is first read. */
  private static final class Pipe extends InputStream {
    private final File file;
    private InputStream open;

    Pipe(File file) {
      this.file = file;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] bytes, int at, int length) throws IOException {
      if (open == null) {
        open = new FileInputStream(file);
      }
      return open.read(bytes, at, length);
    }
  }

  /** What the thread's request reads. */
  private static final class In extends InputStream {
    @Override
    public int read() throws IOException {
      InputStream in = IN.get();
      return in == null ? -1 : in.read();
    }

    @Override
    public int read(byte[] bytes, int at, int length) throws IOException {
      InputStream in = IN.get();
      return in == null ? -1 : in.read(bytes, at, length);
    }
  }

  /** Where the thread's request writes. */
  private static final class Out extends OutputStream {
    private final InheritableThreadLocal<OutputStream> of;
    private final OutputStream otherwise;

    Out(InheritableThreadLocal<OutputStream> of, OutputStream otherwise) {
      this.of = of;
      this.otherwise = otherwise;
    }

    private OutputStream out() {
      OutputStream out = of.get();
      return out == null ? otherwise : out;
    }

    @Override
    public void write(int b) throws IOException {
      out().write(b);
    }

    @Override
    public void write(byte[] bytes, int at, int length) throws IOException {
      out().write(bytes, at, length);
    }

    @Override
    public void flush() throws IOException {
      out().flush();
    }
  }
}
