/* Runs a command and says what it cost, descendants included.
 *
 *   measure RESULT_FILE COMMAND ARGUMENTS...
 *
 * Written in C because a child's peak memory begins with that of the process it was forked from: this one has next to
 * none. Orphans come back here (subreaper), so that their seconds count, too. One line of JSON; the command's status. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static double seconds(struct timeval t) { return t.tv_sec + t.tv_usec / 1e6; }

int main(int count, char **arguments) {
  if (count < 3) {
    fprintf(stderr, "usage: measure RESULT_FILE COMMAND ARGUMENTS...\n");
    return 2;
  }
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  double began = now();
  pid_t child = fork();
  if (child < 0) return 2;
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    execvp(arguments[2], arguments + 2);
    perror(arguments[2]);
    _exit(127);
  }
  int status = 0, other;
  pid_t ended;
  while ((ended = waitpid(-1, &other, 0)) > 0) {
    if (ended != child) continue;
    status = other;
    break;
  }
  double wall = now() - began;
  /* What the command left behind, such as a JVM on its way out, has ten seconds to end and be counted. */
  for (int i = 0; i < 1000; i++) {
    ended = waitpid(-1, &other, WNOHANG);
    if (ended < 0) break;
    if (ended == 0) nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
  }
  struct rusage used;
  getrusage(RUSAGE_CHILDREN, &used);
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  FILE *result = fopen(arguments[1], "w");
  if (!result) return 2;
  fprintf(result, "{\"began\": %.6f, \"wall\": %.6f, \"user\": %.6f, \"system\": %.6f, \"largest_kib\": %ld, \"code\": %d}\n",
          began, wall, seconds(used.ru_utime), seconds(used.ru_stime), used.ru_maxrss, code);
  fclose(result);
  return code;
}
