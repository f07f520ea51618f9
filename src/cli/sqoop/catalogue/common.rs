//! Options of every tool that connects to a database, and those of Java code.

use super::{Group, Mark, Opt, Rows};

const ROWS: Rows = Rows(Group::Common, "iaeqlth");
/// Where rows are read from or written to.
const MOVES: Rows = Rows(Group::Common, "iaeg");
/// Every tool.
const EVERY: Rows = Rows(Group::Common, "iaeqlthgj");
const CODE: Rows = Rows(Group::Codegen, "iaehg");

const NO_DRIVER: &str = "the mysql protocol is built in: there is no driver or manager to choose";
const NO_JVM: &str = "there is no java, hadoop installation or job of a cluster behind this";
const NO_CODE: &str = "no java code is generated";

pub(super) const COMMON: &[Opt] = &[
    ROWS.value("connect", "jdbc-uri", "JDBC connect string: jdbc:mysql://HOST:PORT/DATABASE"),
    ROWS.value("connection-manager", "class-name", "Connection manager class").mark(Mark::Skip).note(NO_DRIVER),
    ROWS.value("connection-param-file", "file", "Java properties that are added to the connect string")
        .mark(Mark::Should),
    ROWS.value("driver", "class-name", "JDBC driver class").mark(Mark::Skip).note(NO_DRIVER),
    ROWS.value("username", "username", "User of the database"),
    ROWS.value("password", "password", "Password: insecure, everybody on this machine can see it"),
    ROWS.flag("P", "Ask for the password on the console"),
    ROWS.value("password-file", "file", "File that holds the password, here or in HDFS"),
    ROWS.value("password-alias", "alias", "Alias of the password in a Hadoop credential store").mark(Mark::Should),
    EVERY.flag("verbose", "Say more while working"),
    EVERY.flag("help", "Print this help"),
    EVERY.value("hadoop-home", "dir", "Hadoop installation").mark(Mark::Skip).note(NO_JVM),
    EVERY.value("hadoop-mapred-home", "dir", "MapReduce installation").mark(Mark::Skip).note(NO_JVM),
    EVERY.flag("skip-dist-cache", "Do not ship jars").mark(Mark::Skip).note(NO_JVM),
    MOVES
        .value("temporary-rootdir", "dir", "Directory of temporary files")
        .note("files are staged beside their target, where a rename makes them visible"),
    MOVES
        .value("mapreduce-job-name", "name", "Name of the job in the cluster")
        .mark(Mark::Skip)
        .note("no job runs in the cluster"),
    ROWS.value("metadata-transaction-isolation-level", "level", "Isolation of metadata queries")
        .mark(Mark::Should)
        .note("metadata is read in the snapshot that the rows are read in"),
    Rows(Group::Common, "ia").flag("relaxed-isolation", "Read rows that are not committed yet"),
    Rows(Group::Common, "eqlth")
        .flag("relaxed-isolation", "Read rows that are not committed yet")
        .note("no rows are imported"),
    ROWS.flag("oracle-escaping-disabled", "Names as Oracle writes them")
        .mark(Mark::Skip)
        .note("names are quoted as MySQL wants them"),
    EVERY
        .flag("throw-on-error", "Throw an exception on errors")
        .mark(Mark::Should)
        .note("every error ends with an exit code that is not 0"),
    Rows(Group::Common, "iae").flag("validate", "Compare row counts of source and target"),
    MOVES.value("validator", "class", "Class that compares").note("source and target are compared by row counts"),
    MOVES.value("validation-threshold", "class", "Class that says what may differ").note("nothing may differ"),
    MOVES
        .value("validation-failurehandler", "class", "Class that handles a difference")
        .note("a difference fails the command before the data becomes visible"),
];

pub(super) const CODEGEN: &[Opt] = &[
    Rows(Group::Codegen, "ia").value("class-name", "name", "Name of the Avro record").mark(Mark::Should),
    Rows(Group::Codegen, "ehg").value("class-name", "name", "Name of a class").mark(Mark::Should).note(NO_CODE),
    CODE.value("package-name", "name", "Package of generated classes").mark(Mark::Skip).note(NO_CODE),
    CODE.value("outdir", "dir", "Directory of generated code").mark(Mark::Skip).note(NO_CODE),
    CODE.value("bindir", "dir", "Directory of compiled classes").mark(Mark::Skip).note(NO_CODE),
    CODE.value("jar-file", "file", "Jar of compiled classes").mark(Mark::Skip).note(NO_CODE),
    CODE.flag("delete-compile-dir", "Delete compiled classes").mark(Mark::Skip).note(NO_CODE),
];
