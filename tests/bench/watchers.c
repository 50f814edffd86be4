/* N WebSocket watchers of ext-debug.v1 in one process: subscribe, count events, acknowledge.
 *
 * usage: watchers PORT PATH COOKIE EVENTS SECONDS < frames
 * stdin: one first frame per line, one watcher per line ("-": send nothing, acknowledge nothing).
 * Ends when every watcher has EVENTS events or after SECONDS. An event counts once per
 * `"message":"t=<19 digits of CLOCK_MONOTONIC ns>`; the stamp gives the latency.
 * Says "live" on stderr once every watcher that subscribed is, and prints JSON: events, seconds from first to last byte of events, latencies in ms, gaps.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 4096
#define BUFFER (1 << 20)
#define SAMPLES (1 << 22)
#define ACK_EVERY (96 * 1024)

struct watcher { int fd, open, acks, live; long events, gaps, seq, acked; size_t have, unacked; char *in; char *first; };
static struct watcher all[MOST];
static float *samples;
static long taken, gaps, frames, lively;
static long long first_ns, last_ns;

static long long now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void put(int fd, const char *data, size_t size) {
    while (size) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (n <= 0) return;
        data += n, size -= n;
    }
}

static void put_text(int fd, const char *text) {
    size_t n = strlen(text), head = 2;
    char out[8192] = {(char)0x81};
    if (n < 126) out[1] = (char)(0x80 | n);
    else out[1] = (char)(0x80 | 126), out[2] = n >> 8, out[3] = n & 255, head = 4;
    memset(out + head, 0, 4); /* a mask of zeros: the payload goes as it is */
    memcpy(out + head + 4, text, n);
    put(fd, out, head + 4 + n);
}

/* Cumulative, as the page does it: every so many bytes, or when nothing more is there to read. */
static void acknowledge(struct watcher *w) {
    char ack[64];
    if (!w->acks || w->seq == w->acked) return;
    snprintf(ack, sizeof ack, "{\"type\":\"ack\",\"seq\":%ld}", w->seq);
    put_text(w->fd, ack);
    w->acked = w->seq;
    w->unacked = 0;
}

static void payload(struct watcher *w, const char *data, size_t size) {
    static const char mark[] = "\"message\":\"t=";
    const char *at = data, *end = data + size, *seq;
    long long now = now_ns();
    long before = w->events;
    frames++;
    while ((at = memmem(at, end - at, mark, sizeof mark - 1))) {
        at += sizeof mark - 1;
        w->events++;
        if (taken < SAMPLES) samples[taken++] = (now - atoll(at)) / 1e6f;
    }
    if (w->events > before) {
        if (!first_ns) first_ns = now;
        last_ns = now;
    }
    if (size > 12 && !memcmp(data, "{\"type\":\"gap\"", 13)) w->gaps++, gaps++;
    if (!w->live && memmem(data, size < 200 ? size : 200, "\"state\":\"live\"", 14))
        w->live = 1, lively++;
    if ((seq = memmem(data, size < 200 ? size : 200, "\"seq\":", 6))) w->seq = atol(seq + 6);
    w->unacked += size;
    if (w->unacked > ACK_EVERY) acknowledge(w);
}

static int readable(struct watcher *w) {
    for (;;) {
        ssize_t n = recv(w->fd, w->in + w->have, BUFFER - w->have, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) {
            acknowledge(w);
            return 1;
        }
        if (n <= 0) return 0;
        w->have += n;
        size_t at = 0;
        if (!w->open) {
            char *body = memmem(w->in, w->have, "\r\n\r\n", 4);
            if (!body) continue;
            if (memcmp(w->in, "HTTP/1.1 101", 12)) { fprintf(stderr, "%.200s\n", w->in); exit(1); }
            at = body + 4 - w->in;
            w->open = 1;
            if (w->acks) put_text(w->fd, w->first);
        }
        while (w->have - at >= 2) {
            unsigned char *f = (unsigned char *)w->in + at;
            size_t head = 2, size = f[1] & 127;
            if (size == 126) { if (w->have - at < 4) break; size = f[2] << 8 | f[3]; head = 4; }
            else if (size == 127) {
                if (w->have - at < 10) break;
                size = 0; head = 10;
                for (int i = 2; i < 10; i++) size = size << 8 | f[i];
            }
            if (w->have - at < head + size) break;
            int op = f[0] & 15;
            if (op == 1 || op == 2) payload(w, (char *)f + head, size);
            if (op == 8) { fprintf(stderr, "closed: %.*s\n", (int)size, f + head + 2); return 0; }
            if (op == 9) { char pong[6] = {(char)0x8a, (char)0x80}; put(w->fd, pong, 6); }
            at += head + size;
        }
        memmove(w->in, w->in + at, w->have - at);
        w->have -= at;
    }
}

static int by_size(const void *a, const void *b) {
    float x = *(float *)a, y = *(float *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc != 6) return 2;
    int port = atoi(argv[1]), count = 0, epoll = epoll_create1(0);
    long wanted = atol(argv[4]);
    long long until = now_ns() + (long long)(atof(argv[5]) * 1e9);
    char *line = NULL;
    size_t room = 0;
    samples = malloc(SAMPLES * sizeof *samples);
    while (count < MOST && getline(&line, &room, stdin) > 0) {
        struct watcher *w = &all[count];
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
        int one = 1;
        line[strcspn(line, "\n")] = 0;
        w->first = strdup(line);
        w->acks = strcmp(line, "-") != 0;
        w->in = malloc(BUFFER);
        w->fd = socket(AF_INET, SOCK_STREAM, 0);
        inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
        if (connect(w->fd, (struct sockaddr *)&to, sizeof to)) { perror("connect"); return 1; }
        setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        dprintf(w->fd, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                "Sec-WebSocket-Version: 13\r\nOrigin: http://127.0.0.1:%d\r\nCookie: %s\r\n\r\n",
                argv[2], port, port, argv[3]);
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = count++};
        epoll_ctl(epoll, EPOLL_CTL_ADD, w->fd, &e);
    }
    fprintf(stderr, "connected %d\n", count);
    int live = count, done = 0, said = 0;
    while (live && !done && now_ns() < until) {
        struct epoll_event got[256];
        int n = epoll_wait(epoll, got, 256, 50);
        for (int i = 0; i < n; i++) {
            struct watcher *w = &all[got[i].data.u32];
            if (!readable(w)) epoll_ctl(epoll, EPOLL_CTL_DEL, w->fd, NULL), close(w->fd), live--;
        }
        if (!said && lively == count) fprintf(stderr, "live\n"), said = 1;
        done = 1;
        for (int i = 0; i < count; i++) done &= all[i].events >= wanted;
    }
    long total = 0, least = count ? all[0].events : 0;
    for (int i = 0; i < count; i++) {
        total += all[i].events;
        if (all[i].events < least) least = all[i].events;
    }
    qsort(samples, taken, sizeof *samples, by_size);
    printf("{\"events\": %ld, \"least\": %ld, \"seconds\": %.4f, \"frames\": %ld, \"gaps\": %ld, "
           "\"p50\": %.3f, \"p99\": %.3f}\n", total, least, (last_ns - first_ns) / 1e9, frames, gaps,
           taken ? samples[taken / 2] : 0, taken ? samples[(long)(taken * .99)] : 0);
    return 0;
}
