/* N watchers in one process: subscribe, count events, keep their order, acknowledge, time them.
 *
 * usage: watchers ws|sse PORT PATH EVENTS SECONDS AT_ONCE < watchers
 * stdin: one watcher per line, as COOKIE, a tab and its first frame. The frame "-": send nothing,
 * acknowledge nothing.
 * A frame that begins with "!" is of a watcher who subscribes, and stops reading once it is live.
 * AT_ONCE sessions are being opened at a time; the next one waits until one of them is live.
 * Ends when every reading watcher has EVENTS events, counted gaps included, or after SECONDS.
 * An event counts once per `"message":"t=<19 digits of CLOCK_MONOTONIC ns> n=<8 digits>`: the
 * stamp gives the latency, the number (0, 1, 2, ... on each stream) what is missing or out of order.
 * Says on stderr "open SECONDS" once every connection is, "live SECONDS" once every session is, and
 * prints JSON. `first` and `last` are the seconds from the last subscribing to the first and last event.
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
#define SAMPLES (1 << 23)
#define ACK_EVERY (96 * 1024)
#define ACK_AFTER 40000000LL /* ns, as connection.js has it */
#define STAMP 19
#define NUMBER 8

struct watcher {
    int fd, open, acks, stalls, live, gone;
    long events, missed, next, seq, acked;
    size_t have, unacked;
    long long acked_at;
    char *in, *first, *cookie;
};
static struct watcher all[MOST];
static float *samples;
static long taken, frames, opened, lively, closed;
static long gaps, uncounted;   /* gap notices; those without a number */
static long disorder, holes;   /* events not in order or twice; events skipped, whether told or not */
static int sse;
static long long first_ns, last_ns, asked_ns;

static long long now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long digits(const char *at, int count) {
    long long value = 0;
    for (int i = 0; i < count; i++) value = value * 10 + (at[i] - '0');
    return value;
}

static void put(int fd, const char *data, size_t size) {
    while (size) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (n <= 0) return;
        data += n, size -= n;
    }
}

static void put_frame(int fd, int op, const char *data, size_t n) {
    size_t head = 2;
    char out[8192] = {(char)(0x80 | op)};
    if (n < 126) out[1] = (char)(0x80 | n);
    else out[1] = (char)(0x80 | 126), out[2] = n >> 8, out[3] = n & 255, head = 4;
    memset(out + head, 0, 4); /* a mask of zeros: the payload goes as it is */
    memcpy(out + head + 4, data, n);
    put(fd, out, head + 4 + n);
}

static void put_text(int fd, const char *text) { put_frame(fd, 1, text, strlen(text)); }

/* Cumulative, as the page does it: at once after a pause, else after ACK_AFTER, or so many bytes. */
static void acknowledge(struct watcher *w) {
    char ack[64];
    if (!w->acks || w->seq == w->acked) return;
    snprintf(ack, sizeof ack, "{\"type\":\"ack\",\"seq\":%ld}", w->seq);
    put_text(w->fd, ack);
    w->acked = w->seq;
    w->unacked = 0;
    w->acked_at = now_ns();
}

static void count_events(struct watcher *w, const char *data, size_t size) {
    static const char mark[] = "\"message\":\"t=";
    const char *at = data, *end = data + size;
    long before = w->events;
    long long now = now_ns();
    while ((at = memmem(at, end - at, mark, sizeof mark - 1))) {
        at += sizeof mark - 1;
        if (end - at < STAMP + 3 + NUMBER) break;
        long number = digits(at + STAMP + 3, NUMBER);
        if (number < w->next) disorder++;
        else holes += number - w->next, w->next = number + 1;
        w->events++;
        if (taken < SAMPLES) samples[taken++] = (now - digits(at, STAMP)) / 1e6f;
    }
    if (w->events > before) {
        if (!first_ns) first_ns = now;
        last_ns = now;
    }
}

static void payload(struct watcher *w, const char *data, size_t size) {
    size_t head = size < 240 ? size : 240;
    const char *found;
    frames++;
    if (size > 12 && !memcmp(data, "{\"type\":\"gap\"", 13)) {
        gaps++;
        found = memmem(data, size, "\"missed\":", 9);
        if (found && found[9] != 'n') w->missed += atol(found + 9);
        else uncounted++;
    } else count_events(w, data, size);
    if (!w->live && memmem(data, head, "\"state\":\"live\"", 14)) w->live = 1, lively++;
    if ((found = memmem(data, head, "\"seq\":", 6))) w->seq = atol(found + 6);
    w->unacked += size;
    if (w->unacked > ACK_EVERY) acknowledge(w);
}

/* One WebSocket frame at `at`: its size with the head, or 0 while it is not whole; -1 if the last. */
static ssize_t frame_at(struct watcher *w, size_t at) {
    unsigned char *f = (unsigned char *)w->in + at;
    size_t have = w->have - at, head = 2, size;
    if (have < 2) return 0;
    size = f[1] & 127;
    if (size >= 126) {
        head = size == 126 ? 4 : 10;
        if (have < head) return 0;
        size = 0;
        for (size_t i = 2; i < head; i++) size = size << 8 | f[i];
    }
    if (have < head + size) return 0;
    int op = f[0] & 15;
    if (op == 1 || op == 2) payload(w, (char *)f + head, size);
    if (op == 9) put_frame(w->fd, 10, (char *)f + head, size);
    if (op != 8) return head + size;
    if (!closed++) fprintf(stderr, "closed: %.*s\n", (int)size - 2, f + head + 2);
    return -1;
}

static int answered(struct watcher *w, size_t *at) {
    char *body = memmem(w->in, w->have, "\r\n\r\n", 4);
    if (!body) return 0;
    if (memcmp(w->in, sse ? "HTTP/1.1 200" : "HTTP/1.1 101", 12)) {
        fprintf(stderr, "refused: %.200s\n", w->in);
        exit(1);
    }
    *at = body + 4 - w->in;
    w->open = 1, opened++;
    if (w->acks) put_text(w->fd, w->first), asked_ns = now_ns();
    return 1;
}

/* Whether the connection is still of use: 0 once it ended or the watcher stops reading. */
static int readable(struct watcher *w) {
    for (;;) {
        ssize_t n = recv(w->fd, w->in + w->have, BUFFER - w->have, MSG_DONTWAIT);
        size_t at = 0;
        if (n < 0 && errno == EAGAIN) {
            if (now_ns() - w->acked_at >= ACK_AFTER) acknowledge(w);
            return 1;
        }
        if (n <= 0) return w->gone = 1, 0;
        w->have += n;
        if (!w->open && !answered(w, &at)) continue;
        if (sse) { /* plain text: whole lines */
            char *end = memrchr(w->in + at, '\n', w->have - at);
            if (end) payload(w, w->in + at, end + 1 - (w->in + at)), at = end + 1 - w->in;
        }
        for (ssize_t size; !sse && (size = frame_at(w, at)); at += size) {
            if (size < 0) return w->gone = 1, 0;
            if (w->stalls && w->live) return 0;
        }
        memmove(w->in, w->in + at, w->have - at);
        w->have -= at;
    }
}

static void join(struct watcher *w, int port, const char *path) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int one = 1;
    w->in = malloc(BUFFER);
    w->fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    if (w->fd < 0 || connect(w->fd, (struct sockaddr *)&to, sizeof to)) perror("connect"), exit(1);
    setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    dprintf(w->fd, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nOrigin: http://127.0.0.1:%d\r\n"
            "Cookie: %s\r\n%s\r\n", path, port, port, w->cookie,
            sse ? "Accept: text/event-stream\r\n"
                : "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
}

static int by_size(const void *a, const void *b) {
    float x = *(float *)a, y = *(float *)b;
    return (x > y) - (x < y);
}

static void report(int count, int reading) {
    long events = 0, missed = 0, least = -1;
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    for (int i = 0; i < count; i++) {
        if (all[i].stalls) continue;
        events += all[i].events, missed += all[i].missed;
        long told = all[i].events + all[i].missed;
        if (least < 0 || told < least) least = told;
    }
    qsort(samples, taken, sizeof *samples, by_size);
    printf("{\"watchers\": %d, \"events\": %ld, \"missed\": %ld, \"least\": %ld, \"gaps\": %ld, "
           "\"uncounted\": %ld, \"disorder\": %ld, \"holes\": %ld, \"closed\": %ld, \"frames\": %ld, "
           "\"seconds\": %.4f, \"first\": %.4f, \"last\": %.4f, \"cpu\": %.3f, "
           "\"p50\": %.3f, \"p99\": %.3f}\n",
           reading, events, missed, least, gaps, uncounted, disorder, holes, closed, frames,
           (last_ns - first_ns) / 1e9, (first_ns - asked_ns) / 1e9, (last_ns - asked_ns) / 1e9,
           used.ru_utime.tv_sec + used.ru_stime.tv_sec
               + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6,
           taken ? samples[taken / 2] : 0, taken ? samples[(long)(taken * .99)] : 0);
}

int main(int argc, char **argv) {
    if (argc != 7) return 2;
    sse = !strcmp(argv[1], "sse");
    int count = 0, reading = 0, subscribing = 0, epoll = epoll_create1(0);
    long wanted = atol(argv[4]), at_once = atol(argv[6]);
    long long began = now_ns(), until = began + (long long)(atof(argv[5]) * 1e9);
    char *line = NULL;
    size_t room = 0;
    samples = malloc(SAMPLES * sizeof *samples);
    while (count < MOST && getline(&line, &room, stdin) > 0) {
        struct watcher *w = &all[count];
        line[strcspn(line, "\n")] = 0;
        char *frame = strchr(line, '\t');
        if (!frame) return 2;
        *frame++ = 0;
        w->stalls = frame[0] == '!';
        w->first = strdup(frame + w->stalls);
        w->acks = strcmp(frame, "-") != 0;
        w->cookie = strdup(line);
        reading += !w->stalls, subscribing += w->acks, count++;
    }
    int joined = 0, left = reading, done = 0, told_open = 0, told_live = 0;
    long long swept = 0;
    while (left && !done && now_ns() < until) {
        for (; joined < count && joined - lively - closed < at_once; joined++) {
            struct epoll_event e = {.events = EPOLLIN, .data.u32 = joined};
            join(&all[joined], atoi(argv[2]), argv[3]);
            epoll_ctl(epoll, EPOLL_CTL_ADD, all[joined].fd, &e);
        }
        struct epoll_event got[256];
        int n = epoll_wait(epoll, got, 256, 10);
        for (int i = 0; i < n; i++) {
            struct watcher *w = &all[got[i].data.u32];
            if (readable(w)) continue;
            epoll_ctl(epoll, EPOLL_CTL_DEL, w->fd, NULL);
            if (w->gone) close(w->fd), left -= !w->stalls;
        }
        long long now = now_ns();
        double seconds = (now - began) / 1e9;
        for (int i = 0; i < count && now - swept >= ACK_AFTER / 8; i++)
            if (!all[i].gone && !all[i].stalls && now - all[i].acked_at >= ACK_AFTER) acknowledge(&all[i]);
        if (now - swept >= ACK_AFTER / 8) swept = now;
        if (!told_open && opened == count) told_open = fprintf(stderr, "open %.3f\n", seconds);
        if (!told_live && subscribing && lively == subscribing)
            told_live = fprintf(stderr, "live %.3f\n", seconds);
        done = 1;
        for (int i = 0; i < count && done; i++)
            done = all[i].stalls || all[i].events + all[i].missed >= wanted;
    }
    report(count, reading);
    return 0;
}
