/*
 * What the kernel moves over loopback: a file to several receivers at once, by sendfile(2), while nobody checks a byte.
 *
 *   loopback FILE STREAMS recv     each receiver copies the bytes into a buffer of 256 KiB and drops them
 *   loopback FILE STREAMS splice   each receiver moves them to /dev/null by splice(2)
 *   loopback FILE STREAMS PREFIX   each receiver copies them and writes them to a file of its own, PREFIX and its number
 *
 * Exits with 0 when every receiver has had the whole file.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { buffer_bytes = 256 * 1024, pipe_bytes = 1024 * 1024 };

static void check(int is_good, const char *what) {
  if (is_good) return;
  perror(what);
  exit(1);
}

/* To a file, or to nowhere when `to` is negative. */
static off_t receive_copying(int from, int to) {
  static char buffer[buffer_bytes];
  off_t total = 0;
  ssize_t count;
  while ((count = recv(from, buffer, sizeof buffer, 0)) > 0) {
    check(to < 0 || write(to, buffer, count) == count, "write");
    total += count;
  }
  check(count == 0, "recv");
  return total;
}

static int create_output(const char *prefix, int number) {
  char path[4096];
  check(snprintf(path, sizeof path, "%s%d", prefix, number) < (int)sizeof path, prefix);
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  check(file >= 0, path);
  return file;
}

static off_t receive_splicing(int from) {
  int ends[2];
  int nowhere = open("/dev/null", O_WRONLY);
  check(nowhere >= 0, "/dev/null");
  check(pipe(ends) == 0, "pipe");
  fcntl(ends[1], F_SETPIPE_SZ, pipe_bytes);
  off_t total = 0;
  ssize_t count;
  while ((count = splice(from, NULL, ends[1], NULL, pipe_bytes, SPLICE_F_MOVE)) > 0) {
    total += count;
    while (count > 0) {
      ssize_t gone = splice(ends[0], NULL, nowhere, NULL, count, SPLICE_F_MOVE);
      check(gone > 0, "splice to /dev/null");
      count -= gone;
    }
  }
  check(count == 0, "splice from the socket");
  return total;
}

static void send_whole(int to, const char *path, off_t size) {
  int file = open(path, O_RDONLY);
  check(file >= 0, path);
  off_t offset = 0;
  while (offset < size) check(sendfile(to, file, &offset, size - offset) > 0, "sendfile");
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: %s FILE STREAMS recv|splice|PREFIX\n", argv[0]);
    return 2;
  }
  const char *path = argv[1];
  int streams = atoi(argv[2]);
  int is_splicing = strcmp(argv[3], "splice") == 0;
  int is_writing = !is_splicing && strcmp(argv[3], "recv") != 0;
  struct stat facts;
  check(stat(path, &facts) == 0, path);

  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  check(bind(listener, (struct sockaddr *)&address, length) == 0, "bind");
  check(listen(listener, streams) == 0, "listen");
  check(getsockname(listener, (struct sockaddr *)&address, &length) == 0, "getsockname");

  for (int i = 0; i < streams; i++) {
    pid_t receiver = fork();
    check(receiver >= 0, "fork");
    if (receiver > 0) continue;
    close(listener);
    int socket_to_sender = socket(AF_INET, SOCK_STREAM, 0);
    check(connect(socket_to_sender, (struct sockaddr *)&address, length) == 0, "connect");
    int output = is_writing ? create_output(argv[3], i) : -1;
    off_t got = is_splicing ? receive_splicing(socket_to_sender) : receive_copying(socket_to_sender, output);
    exit(got == facts.st_size ? 0 : 1);
  }
  for (int i = 0; i < streams; i++) {
    int socket_to_receiver = accept(listener, NULL, NULL);
    check(socket_to_receiver >= 0, "accept");
    pid_t sender = fork();
    check(sender >= 0, "fork");
    if (sender == 0) {
      send_whole(socket_to_receiver, path, facts.st_size);
      exit(0);
    }
    close(socket_to_receiver);
  }
  int is_whole = 1;
  int status;
  while (wait(&status) > 0) is_whole = is_whole && status == 0;
  return is_whole ? 0 : 1;
}
