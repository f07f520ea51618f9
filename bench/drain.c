/* The floor of every import: reads a result set over the binary protocol and throws it away.
 *
 *   drain HOST PORT USER PASSWORD_FILE DATABASE QUERY...
 *
 * A connection and a thread for each query. Prints rows and bytes; fails when anything does. */
#include <mysql.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMNS = 64, MAX_VALUE = 1024, MAX_QUERIES = 16 };

static const char *host, *user, *database;
static char password[256];
static unsigned port;

struct drain {
  const char *query;
  unsigned long rows, bytes;
  int failed;
};

static void *failed(struct drain *drain, const char *what) {
  fprintf(stderr, "drain: %s\n", what);
  drain->failed = 1;
  return NULL;
}

/* Values land where the client library would put them for any user of it: numbers as they are, the rest as bytes. */
static void *run(void *argument) {
  struct drain *drain = argument;
  static __thread MYSQL_BIND binds[MAX_COLUMNS];
  static __thread char values[MAX_COLUMNS][MAX_VALUE];
  static __thread unsigned long lengths[MAX_COLUMNS];
  static __thread my_bool nulls[MAX_COLUMNS];
  mysql_thread_init();
  MYSQL *connection = mysql_init(NULL);
  mysql_options(connection, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  if (!mysql_real_connect(connection, host, user, password, database, port, NULL, 0))
    return failed(drain, mysql_error(connection));
  MYSQL_STMT *statement = mysql_stmt_init(connection);
  if (mysql_stmt_prepare(statement, drain->query, strlen(drain->query)) || mysql_stmt_execute(statement))
    return failed(drain, mysql_stmt_error(statement));
  unsigned columns = mysql_stmt_field_count(statement);
  if (columns > MAX_COLUMNS) return failed(drain, "too many columns");
  MYSQL_RES *metadata = mysql_stmt_result_metadata(statement);
  MYSQL_FIELD *fields = mysql_fetch_fields(metadata);
  for (unsigned i = 0; i < columns; i++) {
    enum enum_field_types type = fields[i].type;
    int text = type == MYSQL_TYPE_VAR_STRING || type == MYSQL_TYPE_STRING || type == MYSQL_TYPE_NEWDECIMAL;
    binds[i].buffer_type = text ? MYSQL_TYPE_STRING : type;
    binds[i].buffer = values[i];
    binds[i].buffer_length = MAX_VALUE;
    binds[i].length = &lengths[i];
    binds[i].is_null = &nulls[i];
  }
  mysql_free_result(metadata);
  if (mysql_stmt_bind_result(statement, binds)) return failed(drain, mysql_stmt_error(statement));
  int state;
  while ((state = mysql_stmt_fetch(statement)) == 0) {
    drain->rows++;
    for (unsigned i = 0; i < columns; i++) drain->bytes += lengths[i];
  }
  if (state != MYSQL_NO_DATA) return failed(drain, state == MYSQL_DATA_TRUNCATED ? "a value is too long" : mysql_stmt_error(statement));
  mysql_stmt_close(statement);
  mysql_close(connection);
  mysql_thread_end();
  return NULL;
}

int main(int count, char **arguments) {
  if (count < 7 || count - 6 > MAX_QUERIES) {
    fprintf(stderr, "usage: drain HOST PORT USER PASSWORD_FILE DATABASE QUERY...\n");
    return 2;
  }
  host = arguments[1];
  port = (unsigned)atoi(arguments[2]);
  user = arguments[3];
  FILE *file = fopen(arguments[4], "r");
  if (!file || !fgets(password, sizeof password, file)) {
    perror(arguments[4]);
    return 2;
  }
  fclose(file);
  password[strcspn(password, "\n")] = 0;
  database = arguments[5];
  mysql_library_init(0, NULL, NULL);
  static struct drain drains[MAX_QUERIES];
  pthread_t threads[MAX_QUERIES];
  int queries = count - 6, bad = 0;
  for (int i = 0; i < queries; i++) {
    drains[i].query = arguments[6 + i];
    if (pthread_create(&threads[i], NULL, run, &drains[i])) return 1;
  }
  unsigned long rows = 0, bytes = 0;
  for (int i = 0; i < queries; i++) {
    pthread_join(threads[i], NULL);
    rows += drains[i].rows;
    bytes += drains[i].bytes;
    bad |= drains[i].failed;
  }
  printf("%lu rows, %lu bytes\n", rows, bytes);
  return bad;
}
