"""Programs that fork after or while their client is used. Each prints one JSON document."""

from __future__ import annotations

# What every program begins with. Python 3.12 and newer warn of a fork while threads run, which is what is tried here.
HEAD = """
import contextlib, gc, json, multiprocessing, os, pathlib, signal, sys, threading, time, traceback, warnings
from datetime import timedelta
from pulumi_fusion import FusionClient, masquerade
warnings.simplefilter("ignore", DeprecationWarning)
fusion = FusionClient(deadline=20)

def in_child(act):
    '''What the act returns in a forked child.'''
    reading, writing = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            with open(writing, "w") as pipe:
                json.dump(act(), pipe)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    os.close(writing)
    with open(reading) as pipe:
        received = pipe.read()
    assert os.waitpid(pid, 0)[1] == 0, "the child failed"
    return json.loads(received)

class Meanwhile:
    '''A call in a thread, under way when this is made.'''
    def __init__(self, act):
        self.got = None
        def run():
            self.got = act()
        self._thread = threading.Thread(target=run)
        self._thread.start()
        while not any(each.name == "pulumi-fusion-watch" for each in threading.enumerate()):
            time.sleep(0.01)
        time.sleep(0.3)
    def end(self):
        self._thread.join()
        return self.got

def name(shortname):
    return fusion.get_customer(shortname).shortname
"""

POOL = (
    HEAD
    + """
def work(number):
    return [name(f"acme-{number}{each}") for each in range(10)]

fusion.list_customers()
with multiprocessing.get_context("fork").Pool(4) as pool:
    print(json.dumps(pool.map(work, range(4), chunksize=1)))
"""
)
"""Four workers that read ten customers each, with the client of their parent."""

SESSIONS = (
    HEAD
    + """
def work(number):
    with masquerade(f"acme-{number}0", reason="INC-1234 ingest check", client=fusion) as session:
        return [[each.shortname for each in session.client.list_customers()] for _ in range(10)]

fusion.list_customers()
with multiprocessing.get_context("fork").Pool(4) as pool:
    print(json.dumps(pool.map(work, range(4), chunksize=1)))
"""
)
"""Four workers that each open a session in a customer of their own."""

REQUEST = (
    HEAD
    + """
def act():
    sockets = []
    for each in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []:
        with contextlib.suppress(OSError):
            sockets += [link for link in [os.readlink(f"/proc/self/fd/{each}")] if link.startswith("socket:")]
    return {"sockets": sockets, "got": [name("acme-11"), name("acme-12")]}

fusion.list_customers()
meanwhile = Meanwhile(lambda: name("acme-00"))
child = in_child(act)
print(json.dumps({"child": child, "parent": meanwhile.end(), "after": name("acme-01")}))
"""
)
"""A fork while another thread waits for its answer."""

TOKEN = (
    HEAD
    + """
meanwhile = Meanwhile(lambda: len(fusion.list_customers()))
child = in_child(lambda: len(fusion.list_customers()))
print(json.dumps([child, meanwhile.end()]))
"""
)
"""A fork while another thread buys the token."""

LIST = (
    HEAD
    + """
from pulumi_fusion.operations.cache import CustomerCache
directory = CustomerCache()
fusion.authenticate()
meanwhile = Meanwhile(lambda: len(directory.types(fusion)))
child = in_child(lambda: len(directory.types(fusion)))
print(json.dumps([child, meanwhile.end()]))
"""
)
"""A fork while another thread fetches what others would wait for."""

TURN = (
    HEAD
    + """
fusion.list_customers()
limit = fusion._connection.retries(fusion.account)._limit
meanwhile = Meanwhile(lambda: name("acme-00"))
while not (limit._slots == limit._in_flight == 1):
    time.sleep(0.01)
child = in_child(lambda: name("acme-01"))
print(json.dumps([child, meanwhile.end()]))
"""
)
"""A fork while another thread has the one turn that a 429 left."""

LOCKS = (
    HEAD
    + """
fusion.list_customers()
held = [
    lock
    for owner in gc.get_objects()
    if str(type(owner).__module__).startswith("pulumi_fusion.") and not isinstance(owner, type)
    for lock in getattr(owner, "__dict__", {}).values()
    if isinstance(lock, type(threading.Lock()))
]
ready, over = threading.Event(), threading.Event()
def hold():
    for lock in held:
        lock.acquire()
    ready.set()
    over.wait()
    for lock in held:
        lock.release()
holder = threading.Thread(target=hold)
holder.start()
ready.wait()
child = in_child(lambda: name("acme-01"))
over.set()
holder.join()
print(json.dumps([len(held), child, name("acme-02")]))
"""
)
"""A fork while another thread holds every lock of this package."""

HANDLER = (
    HEAD
    + """
fusion.list_customers()
reading, writing = os.pipe()
children = []
def fork(*_):
    children.append(os.fork())
signal.signal(signal.SIGALRM, fork)
signal.setitimer(signal.ITIMER_REAL, 0.4)
began = time.monotonic()
got = [name("acme-01"), time.monotonic() - began]
if children == [0]:
    os.write(writing, json.dumps(got).encode())
    os._exit(0)
os.close(writing)
print(json.dumps([json.loads(os.read(reading, 100)), got, os.waitpid(children[0], 0)[1]]))
"""
)
"""A fork by a signal handler in the middle of a call, which then goes on in both."""

TLS = (
    HEAD
    + """
fusion.list_customers()
def act():
    got = len(fusion.list_customers())
    fusion.close()
    gc.collect()
    return got
child = in_child(act)
print(json.dumps([child, *[len(fusion.list_customers()) for _ in range(3)]]))
"""
)
"""A child that uses and then ends every TLS connection that it knows of, and a parent that goes on with its own."""

CREDENTIAL = (
    HEAD
    + """
os.mkfifo("pipe")
os.environ["FUSION_NETOSECRET_FILE"] = "pipe"
credential = os.environ.pop("NETOSECRET")
waiting = threading.Thread(target=FusionClient)
waiting.start()
time.sleep(0.5)

def act():
    os.environ["FUSION_NETOSECRET_FILE"] = "other"
    os.mkfifo("other")
    threading.Thread(target=pathlib.Path("other").write_text, args=(credential,), daemon=True).start()
    return len(FusionClient().list_customers())

child = in_child(act)
with open("pipe", "w") as pipe:
    pipe.write(credential)
waiting.join()
print(json.dumps(child))
"""
)
"""A fork while another thread waits for a credential to come through a pipe."""
