"""Two network namespaces joined by a long, narrow link: real TCP over it, without netem, which many kernels lack.

  long-link.py NAME RTT_MS MBIT QUEUE_MS

makes the namespaces NAME-far (198.18.0.1) and NAME-near (198.18.0.2), writes `ready`, and passes IP packets between a TUN
device in each. Every direction is a router's port of its own: a rate, a buffer of QUEUE_MS at that rate, whose overflow is
dropped, and half of the round trip on the way. Lines on stdin steer it:

  cut EVERY_MS FOR_MS silent|forgetful
                        from now on the link is dead for FOR_MS every so often. A forgetful one knows then no connection that it
                        carried, as a router whose address changed: what goes on with an old one is answered by a reset
  mend                  no more cuts
  tell                  answered by a line of JSON: what it has carried so far

The end of stdin is its own end, so that it never outlives whoever started it. It then ends what still runs in its namespaces,
by process id, and removes them. Needs root and iproute2.
"""
import fcntl, heapq, json, os, select, signal, struct, subprocess, sys, time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
SIDES = {"far": "198.18.0.1", "near": "198.18.0.2"}
TCP, FIN, SYN, RST, ACK = 6, 1, 2, 4, 16


def ip(*args, check=True):
    return subprocess.run(["ip", *args], check=check, capture_output=True, text=True)


def open_tun(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


def join(name):
    """Each side's namespace with its end of the link; returns the ends' descriptors by side."""
    ends = {}
    for side, address in SIDES.items():
        namespace, device = f"{name}-{side}", f"ll{os.getpid()}{side[0]}"
        ip("netns", "add", namespace)
        ends[side] = open_tun(device)
        ip("link", "set", device, "netns", namespace)
        other = SIDES["near" if side == "far" else "far"]
        ip("-n", namespace, "addr", "add", address, "peer", other, "dev", device)
        ip("-n", namespace, "link", "set", device, "mtu", "1500", "txqueuelen", "2000", "up")
        ip("-n", namespace, "link", "set", "lo", "up")
    return ends


def part(name):
    for side in SIDES:
        namespace = f"{name}-{side}"
        for pid in ip("netns", "pids", namespace, check=False).stdout.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        ip("netns", "del", namespace, check=False)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def reset_for(packet, ihl):
    """What a router without memory of it answers: a reset with the very number that the sender waits for (RFC 9293, 3.10.7.1)."""
    source, target = packet[12:16], packet[16:20]
    source_port, target_port = packet[ihl:ihl + 2], packet[ihl + 2:ihl + 4]
    number = packet[ihl + 8:ihl + 12]
    tcp = bytearray(target_port + source_port + number + b"\0\0\0\0" + bytes([0x50, RST]) + b"\0" * 6)
    tcp[16:18] = struct.pack("!H", checksum(target + source + struct.pack("!BBH", 0, TCP, len(tcp)) + bytes(tcp)))
    head = bytearray(struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, TCP, 0) + target + source)
    head[10:12] = struct.pack("!H", checksum(bytes(head)))
    return bytes(head + tcp)


class Link:
    def __init__(self, ends, rtt_ms, mbit, queue_ms):
        self.ends, self.one_way, self.bytes_per_s, self.queue = ends, rtt_ms / 2e3, mbit * 125e3, queue_ms / 1e3
        self.idle_at = {"far": 0.0, "near": 0.0}  # by the side it goes to: when the port will have sent what it holds
        self.under_way, self.count = [], 0
        self.told = {
            side: {"packets": 0, "bytes": 0, "payloadBytes": 0, "dropped": 0} for side in SIDES
        }
        self.late_ms = self.cuts = 0
        self.cutting, self.forgetful, self.dead_until, self.next_cut = None, False, 0.0, None
        self.connections = set()

    def steer(self, line, now):
        word, *more = line.split()
        if word == "cut":
            self.cutting, self.forgetful = [int(number) / 1e3 for number in more[:2]], more[2] == "forgetful"
            self.next_cut = now + self.cutting[0]
        elif word == "mend":
            self.cutting = self.next_cut = None
            self.dead_until = 0.0
        elif word == "tell":
            told = {"toFar": self.told["far"], "toNear": self.told["near"], "lateMsMax": self.late_ms, "cuts": self.cuts}
            print(json.dumps(told), flush=True)

    def cut_when_due(self, now):
        if self.next_cut is not None and now >= self.next_cut:
            every, lasting = self.cutting
            self.dead_until, self.next_cut = now + lasting, now + every + lasting
            if self.forgetful:
                self.connections.clear()
            for _, _, to, _, _ in self.under_way:
                self.told[to]["dropped"] += 1
            self.under_way.clear()
            self.cuts += 1

    def known(self, packet, ihl):
        """Whether the link carries this packet's connection; a first packet makes it known."""
        flags = packet[ihl + 13]
        key = frozenset((packet[12:16] + packet[ihl:ihl + 2], packet[16:20] + packet[ihl + 2:ihl + 4]))
        if flags & SYN and not flags & ACK:
            self.connections.add(key)
        return key in self.connections

    def take(self, packet, to, back, now):
        """A packet from one end: onto the way to the other, or dropped."""
        told = self.told[to]
        ihl = (packet[0] & 15) * 4
        is_tcp = packet[0] >> 4 == 4 and packet[9] == TCP
        start = max(now, self.idle_at[to])
        if now < self.dead_until or start - now > self.queue:
            told["dropped"] += 1
            return
        if is_tcp and not self.known(packet, ihl):
            told["dropped"] += 1
            if packet[ihl + 13] & ACK and not packet[ihl + 13] & RST:
                os.write(self.ends[back], reset_for(packet, ihl))
            return
        self.idle_at[to] = start + len(packet) / self.bytes_per_s
        payload = len(packet) - ihl - (packet[ihl + 12] >> 4) * 4 if is_tcp else 0
        self.count += 1
        heapq.heappush(self.under_way, (self.idle_at[to] + self.one_way, self.count, to, packet, payload))

    def deliver(self, now):
        while self.under_way and self.under_way[0][0] <= now:
            due, _, to, packet, payload = heapq.heappop(self.under_way)
            self.late_ms = max(self.late_ms, round((now - due) * 1e3, 1))
            told = self.told[to]
            try:
                os.write(self.ends[to], packet)
            except OSError:
                told["dropped"] += 1  # that end's own queue is full
                continue
            told["packets"] += 1
            told["bytes"] += len(packet)
            told["payloadBytes"] += payload

    def run(self):
        sources = {self.ends["far"]: ("near", "far"), self.ends["near"]: ("far", "near")}
        text = b""
        while True:
            wait = self.under_way[0][0] - time.monotonic() if self.under_way else 0.2
            ready, _, _ = select.select([0, *sources], [], [], min(max(wait, 0.0), 0.2))
            now = time.monotonic()
            self.cut_when_due(now)
            for fd in ready:
                if fd == 0:
                    read = os.read(0, 4096)
                    if not read:
                        return
                    *lines, text = (text + read).split(b"\n")
                    for line in lines:
                        self.steer(line.decode(), now)
                    continue
                to, back = sources[fd]
                for _ in range(256):
                    try:
                        packet = os.read(fd, 65536)
                    except BlockingIOError:
                        break
                    self.take(packet, to, back, now)
            self.deliver(time.monotonic())


def main():
    name, *numbers = sys.argv[1:]
    for stop in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(stop, lambda *_: sys.exit(0))
    try:
        os.nice(-10)  # a router doesn't wait for those who use it
    except OSError:
        pass
    try:
        link = Link(join(name), *map(float, numbers))
        print("ready", flush=True)
        link.run()
    finally:
        part(name)


main()
