/* A V4L2 camera at /dev/video77 for a process that this library is preloaded into (LD_PRELOAD).
 *
 * It stands behind libc's open, ioctl, poll and close, with the structures of the kernel's own header, so that a
 * driver runs its real system calls up to the last step. Buffers are a memfd, which can really be mapped.
 * It gives 16-bit cards (edge/cameras/card.py) at 50 Hz, whether they are read or not, and is unplugged while
 * the file named by PRELOADED_CAMERA_GONE is there.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define WIDTH 160
#define HEIGHT 120
#define SIZE (WIDTH * HEIGHT * 2)
#define SPACING ((SIZE + 4095) / 4096 * 4096)
#define MOST 8
#define PERIOD_NS 20000000LL

enum { MINE, QUEUED, DONE };
static struct { int state; uint32_t sequence; int64_t stamp; int order; } buffers[MOST];
static int device = -1, count, streaming, orders;
static uint32_t sequence;
static int64_t due;
static uint8_t *memory;

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int gone(void) {
    const char *file = getenv("PRELOADED_CAMERA_GONE");
    return file && access(file, F_OK) == 0;
}

static int first(int state) {
    int found = -1;
    for (int i = 0; i < count; i++)
        if (buffers[i].state == state && (found < 0 || buffers[i].order < buffers[found].order)) found = i;
    return found;
}

/* What the sensor has done since it was last looked at. */
static void catch_up(void) {
    for (; streaming && now() >= due; due += PERIOD_NS, sequence++) {
        int index = first(QUEUED);
        if (index < 0) continue;
        uint16_t *pixels = (uint16_t *)(memory + index * SPACING);
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++)
                pixels[y * WIDTH + x] = y < HEIGHT / 8 ? sequence * 31 : x + 7919 * sequence;
        buffers[index].state = DONE;
        buffers[index].sequence = sequence;
        buffers[index].stamp = due;
        buffers[index].order = orders++;
    }
}

static int fail(int number) {
    errno = number;
    return -1;
}

static int answer(unsigned long request, void *argument) {
    struct v4l2_fmtdesc *description = argument;
    struct v4l2_frmsizeenum *size = argument;
    struct v4l2_frmivalenum *interval = argument;
    struct v4l2_format *format = argument;
    struct v4l2_streamparm *rate = argument;
    struct v4l2_requestbuffers *asked = argument;
    struct v4l2_buffer *buffer = argument;
    int index;
    if (gone()) return fail(ENODEV);
    switch (request) {
    case VIDIOC_QUERYCAP: {
        struct v4l2_capability *capability = argument;
        memset(capability, 0, sizeof *capability);
        strcpy((char *)capability->driver, "preloaded");
        strcpy((char *)capability->card, "Preloaded camera");
        strcpy((char *)capability->bus_info, "platform:none");
        capability->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        capability->capabilities = capability->device_caps | V4L2_CAP_DEVICE_CAPS;
        return 0;
    }
    case VIDIOC_ENUM_FMT:
        if (description->index || description->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return fail(EINVAL);
        strcpy((char *)description->description, "16-bit Greyscale");
        description->pixelformat = V4L2_PIX_FMT_Y16;
        return 0;
    case VIDIOC_ENUM_FRAMESIZES:
        if (size->index || size->pixel_format != V4L2_PIX_FMT_Y16) return fail(EINVAL);
        size->type = V4L2_FRMSIZE_TYPE_DISCRETE;
        size->discrete.width = WIDTH;
        size->discrete.height = HEIGHT;
        return 0;
    case VIDIOC_ENUM_FRAMEINTERVALS:
        if (interval->index || interval->width != WIDTH || interval->height != HEIGHT) return fail(EINVAL);
        interval->type = V4L2_FRMIVAL_TYPE_DISCRETE;
        interval->discrete = (struct v4l2_fract){1, 50};
        return 0;
    case VIDIOC_G_FMT:
    case VIDIOC_S_FMT:
        if (format->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return fail(EINVAL);
        if (request == VIDIOC_S_FMT && count) return fail(EBUSY);
        format->fmt.pix = (struct v4l2_pix_format){
            .width = WIDTH, .height = HEIGHT, .pixelformat = V4L2_PIX_FMT_Y16, .field = V4L2_FIELD_NONE,
            .bytesperline = WIDTH * 2, .sizeimage = SIZE};
        return 0;
    case VIDIOC_G_PARM:
    case VIDIOC_S_PARM:
        if (rate->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return fail(EINVAL);
        rate->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
        rate->parm.capture.timeperframe = (struct v4l2_fract){1, 50};
        return 0;
    case VIDIOC_REQBUFS:
        if (asked->type != V4L2_BUF_TYPE_VIDEO_CAPTURE || asked->memory != V4L2_MEMORY_MMAP) return fail(EINVAL);
        if (streaming) return fail(EBUSY);
        if (asked->count > MOST) asked->count = MOST;
        count = asked->count;
        memset(buffers, 0, sizeof buffers);
        return 0;
    case VIDIOC_QUERYBUF:
        if (buffer->index >= (uint32_t)count) return fail(EINVAL);
        buffer->m.offset = buffer->index * SPACING;
        buffer->length = SIZE;
        return 0;
    case VIDIOC_QBUF:
        if (buffer->index >= (uint32_t)count || buffer->memory != V4L2_MEMORY_MMAP) return fail(EINVAL);
        if (buffers[buffer->index].state != MINE) return fail(EINVAL);
        catch_up();
        memset(memory + buffer->index * SPACING, 0xAA, SIZE);
        buffers[buffer->index].state = QUEUED;
        buffers[buffer->index].order = orders++;
        return 0;
    case VIDIOC_DQBUF:
        if (!streaming || buffer->memory != V4L2_MEMORY_MMAP) return fail(EINVAL);
        catch_up();
        index = first(DONE);
        if (index < 0) return fail(EAGAIN);
        buffers[index].state = MINE;
        buffer->index = index;
        buffer->bytesused = buffer->length = SIZE;
        buffer->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
        buffer->sequence = buffers[index].sequence;
        buffer->timestamp.tv_sec = buffers[index].stamp / 1000000000;
        buffer->timestamp.tv_usec = buffers[index].stamp % 1000000000 / 1000;
        return 0;
    case VIDIOC_STREAMON:
        if (*(int *)argument != V4L2_BUF_TYPE_VIDEO_CAPTURE || first(QUEUED) < 0) return fail(EINVAL);
        streaming = 1;
        sequence = 0;
        due = now() + PERIOD_NS;
        return 0;
    case VIDIOC_STREAMOFF:
        streaming = 0;
        return 0;
    }
    return fail(ENOTTY);
}

int open64(const char *path, int flags, ...) {
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open64");
    va_list more;
    va_start(more, flags);
    int mode = va_arg(more, int);
    va_end(more);
    if (strcmp(path, "/dev/video77")) return real(path, flags, mode);
    if (gone()) return fail(ENOENT);
    if ((flags & O_ACCMODE) != O_RDWR || !(flags & O_NONBLOCK)) return fail(EPERM);
    device = memfd_create("preloaded", MFD_CLOEXEC);
    if (ftruncate(device, MOST * SPACING)) return -1;
    memory = mmap(NULL, MOST * SPACING, PROT_READ | PROT_WRITE, MAP_SHARED, device, 0);
    return device;
}

int open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    int mode = va_arg(more, int);
    va_end(more);
    return open64(path, flags, mode);
}

int ioctl(int descriptor, unsigned long request, ...) {
    int (*real)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
    va_list more;
    va_start(more, request);
    void *argument = va_arg(more, void *);
    va_end(more);
    if (descriptor != device || device < 0) return real(descriptor, request, argument);
    return answer(request & 0xFFFFFFFF, argument);
}

int poll(struct pollfd *polled, nfds_t number, int timeout) {
    int (*real)(struct pollfd *, nfds_t, int) = dlsym(RTLD_NEXT, "poll");
    if (number != 1 || polled->fd != device || device < 0) return real(polled, number, timeout);
    int64_t until = now() + timeout * 1000000LL;
    for (;;) {
        catch_up();
        polled->revents = gone() ? POLLERR | POLLHUP : first(DONE) >= 0 ? POLLIN : 0;
        if (polled->revents || now() >= until) return polled->revents != 0;
        usleep(500);
    }
}

int close(int descriptor) {
    int (*real)(int) = dlsym(RTLD_NEXT, "close");
    if (descriptor == device) device = -1, streaming = count = 0;
    return real(descriptor);
}
