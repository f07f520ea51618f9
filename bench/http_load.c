/* Posts one body again and again over several connections and says how long the answers took.
 *
 *   http_load PORT PATH BODY_FILE CONNECTIONS REQUESTS_PER_SECOND SECONDS
 *
 * With a rate, each request has a time at which it is due, and its answer is counted from then: a server that stalls is
 * not spared the requests it held up. With 0 each connection sends as soon as it has its answer. One line of JSON. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MOST 4000000

static int port, connections;
static double rate, seconds, began;
static char *request;
static size_t length;

struct worker {
  pthread_t thread;
  int number;
  long done, failed;
  float *took;
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static int connected(void) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(fd, (struct sockaddr *)&to, sizeof to)) return close(fd), -1;
  return fd;
}

/* The status of an answer that was read to its end, or -1. */
static int answer(int fd) {
  char text[8192];
  size_t have = 0;
  for (;;) {
    ssize_t got = read(fd, text + have, sizeof text - 1 - have);
    if (got <= 0) return -1;
    have += got;
    text[have] = 0;
    char *end = strstr(text, "\r\n\r\n");
    if (!end) continue;
    char *said = strcasestr(text, "content-length:");
    size_t body = said && said < end ? strtoul(said + 15, NULL, 10) : 0;
    if (have >= (size_t)(end + 4 - text) + body) return atoi(text + 9);
    if (have == sizeof text - 1) return -1;
  }
}

static void *work(void *arg) {
  struct worker *me = arg;
  int fd = connected();
  double step = rate > 0 ? connections / rate : 0, due = began + (rate > 0 ? me->number / rate : 0);
  while (now() < began + seconds && me->done < MOST / connections) {
    double wait = due - now();
    if (rate > 0 && wait > 0) usleep(wait * 1e6);
    double from = rate > 0 ? due : now();
    if (rate > 0 && from >= began + seconds) break;
    int status = -1;
    if (fd >= 0) {
      size_t sent = 0;
      ssize_t put = 0;
      while (sent < length && (put = write(fd, request + sent, length - sent)) > 0) sent += put;
      if (sent == length) status = answer(fd);
    }
    if (status == 200) {
      me->took[me->done++] = (now() - from) * 1000;
    } else {
      me->failed++;
      if (status < 0) {
        if (fd >= 0) close(fd);
        usleep(10000);
        fd = connected();
      }
    }
    due += step;
  }
  if (fd >= 0) close(fd);
  return NULL;
}

static int by_size(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

int main(int count, char **arguments) {
  if (count != 7) {
    fprintf(stderr, "usage: http_load PORT PATH BODY_FILE CONNECTIONS REQUESTS_PER_SECOND SECONDS\n");
    return 2;
  }
  port = atoi(arguments[1]), connections = atoi(arguments[4]);
  rate = atof(arguments[5]), seconds = atof(arguments[6]);
  FILE *file = fopen(arguments[3], "rb");
  if (!file || connections < 1) return perror(arguments[3]), 2;
  fseek(file, 0, SEEK_END);
  size_t body = ftell(file);
  rewind(file);
  request = malloc(body + 1024);
  length = sprintf(request,
                   "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                   arguments[2], port, body);
  if (fread(request + length, 1, body, file) != body) return perror(arguments[3]), 2;
  length += body;
  struct worker *workers = calloc(connections, sizeof *workers);
  began = now();
  for (int i = 0; i < connections; i++) {
    workers[i].number = i;
    workers[i].took = malloc(sizeof(float) * MOST / connections);
    pthread_create(&workers[i].thread, NULL, work, &workers[i]);
  }
  long done = 0, failed = 0;
  float *took = malloc(sizeof(float) * MOST);
  for (int i = 0; i < connections; i++) {
    pthread_join(workers[i].thread, NULL);
    memcpy(took + done, workers[i].took, sizeof(float) * workers[i].done);
    done += workers[i].done, failed += workers[i].failed;
  }
  double wall = now() - began;
  qsort(took, done, sizeof *took, by_size);
#define AT(share) (done ? took[(long)((done - 1) * (share))] : 0)
  printf("{\"requests\": %ld, \"failed\": %ld, \"seconds\": %.3f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
         done, failed, wall, AT(0.5), AT(0.99), AT(1.0));
  return done == 0;
}
