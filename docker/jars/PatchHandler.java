import static org.objectweb.asm.Opcodes.*;

import java.io.IOException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.MethodVisitor;

/**
 * Makes the HBase handler of Hive 3.1.3 usable by Hive 4.
 *
 * <p>Hive 4 initialises a SerDe by {@code initialize(conf, table, partition)}; HBaseSerDe 3.1.3 overrides only
 * {@code initialize(conf, properties)}, so it is never initialised. This adds the missing method, which lets the
 * parent merge the two property sets and hands them to the old one. Usage: PatchHandler JAR (changed in place).
 */
public final class PatchHandler {
    private static final String PARENT = "org/apache/hadoop/hive/serde2/AbstractSerDe";
    private static final String SERDE = "org/apache/hadoop/hive/hbase/HBaseSerDe";
    private static final String CONF = "Lorg/apache/hadoop/conf/Configuration;";
    private static final String PROPERTIES = "Ljava/util/Properties;";

    public static void main(String[] args) throws IOException {
        try (FileSystem jar = FileSystems.newFileSystem(Path.of(args[0]))) {
            Path file = jar.getPath(SERDE + ".class");
            Files.write(file, withThreeArguments(Files.readAllBytes(file)));
        }
    }

    private static byte[] withThreeArguments(byte[] original) {
        ClassReader reader = new ClassReader(original);
        ClassWriter writer = new ClassWriter(reader, 0);
        reader.accept(writer, 0);
        String three = "(" + CONF + PROPERTIES + PROPERTIES + ")V";
        String[] thrown = {"org/apache/hadoop/hive/serde2/SerDeException"};
        MethodVisitor m = writer.visitMethod(ACC_PUBLIC, "initialize", three, null, thrown);
        m.visitCode();
        // super.initialize(conf, table, partition);
        for (int i = 0; i < 4; i++) {
            m.visitVarInsn(ALOAD, i);
        }
        m.visitMethodInsn(INVOKESPECIAL, PARENT, "initialize", three, false);
        // initialize(conf, this.properties);
        m.visitVarInsn(ALOAD, 0);
        m.visitVarInsn(ALOAD, 1);
        m.visitVarInsn(ALOAD, 0);
        m.visitFieldInsn(GETFIELD, PARENT, "properties", PROPERTIES);
        m.visitMethodInsn(INVOKEVIRTUAL, SERDE, "initialize", "(" + CONF + PROPERTIES + ")V", false);
        m.visitInsn(RETURN);
        m.visitMaxs(4, 4);
        m.visitEnd();
        return writer.toByteArray();
    }
}
