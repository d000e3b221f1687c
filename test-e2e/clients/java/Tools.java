import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs Kafka's command line tools one after the other in one process, because each start of a JVM takes a second or
 * more. Standard input has a line for each call: the class and its arguments, separated by tabs.
 *
 * <p>Prints for each call its output (standard output and standard error), and then a line "=== exit CODE".
 */
public final class Tools {
    /** Ends a tool. Some tools catch it, so the code is in `exitCode`. */
    private static final class ExitCalled extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    private static final int NONE = -1;
    private static int exitCode;
    private static ByteArrayOutputStream output;
    /** The length of the output at the first exit. A tool that catches the exception prints it as an error. */
    private static int outputEnd;

    private static void exit(int code, String message) {
        System.out.flush();
        // A tool that catches the exception of the first exit treats it as an error, and exits again.
        if (exitCode == NONE) {
            exitCode = code;
            outputEnd = output.size();
        }
        throw new ExitCalled();
    }

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        Exit.setExitProcedure(Tools::exit);
        Exit.setHaltProcedure(Tools::exit);
        BufferedReader calls = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = calls.readLine(); line != null; line = calls.readLine()) {
            String[] words = line.split("\t");
            output = new ByteArrayOutputStream();
            PrintStream captured = new PrintStream(output, true, StandardCharsets.UTF_8);
            System.setOut(captured);
            System.setErr(captured);
            int code = call(words[0], Arrays.copyOfRange(words, 1, words.length));
            captured.flush();
            int end = exitCode == NONE ? output.size() : outputEnd;
            out.print(new String(output.toByteArray(), 0, end, StandardCharsets.UTF_8));
            out.println("=== exit " + code);
        }
        out.flush();
        Runtime.getRuntime().halt(0);
    }

    private static int call(String name, String[] args) throws Exception {
        exitCode = NONE;
        try {
            Class.forName(name).getMethod("main", String[].class).invoke(null, (Object) args);
            return Math.max(0, exitCode);
        } catch (java.lang.reflect.InvocationTargetException error) {
            Throwable cause = error.getCause();
            if (cause instanceof ExitCalled) return exitCode;
            System.out.println(cause);
            return 1;
        }
    }
}
