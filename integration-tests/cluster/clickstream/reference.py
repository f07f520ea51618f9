# Made-up events of a few people and programs, and what hive-ddl/clickstream has to make of them, computed in memory, one
# event after another: the definitions of docs/clickstream.md without a window or a join.
#
#   reference.py SEED DIRECTORY OPTION=VALUE ...
#
# writes DIRECTORY/staged.tsv (the events, with the batch that each comes in), events.tsv, sessions.tsv and carts.tsv.

import hashlib, random, sys
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal

seed, directory = int(args[0]), args[1]
options = dict(pair.split('=') for pair in args[2:])
draw = random.Random(seed)
START, DAYS = datetime(2024, 2, 27), 6
GAP, IDLE = timedelta(minutes=int(options['session_gap_minutes'])), timedelta(minutes=int(options['cart_idle_minutes']))
IDENTITY_DAYS, REQUESTS = int(options['identity_days']), int(options['bot_requests_a_minute'])
COLUMNS = ['event_id', 'ts', 'seq', 'ip', 'agent', 'method', 'path', 'status', 'referrer', 'source', 'medium', 'campaign',
           'device', 'says_bot', 'visitor', 'login', 'name', 'stage', 'product', 'order', 'price', 'quantity', 'dt', 'batch']


def text(value):
    if value is None:
        return '\\N'
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, datetime):
        shown = value.strftime('%Y-%m-%d %H:%M:%S')
        return shown + ('.%06d' % value.microsecond).rstrip('0') if value.microsecond else shown
    return str(value)


def sha(*parts):
    return hashlib.sha256('|'.join(parts).encode()).hexdigest()


# --- events ---------------------------------------------------------------------------------------------------------

events = []


def batch(ts):
    """Three days come at once, then the other three with rows of the second that are late, then late rows of the fourth."""
    day = (ts - START).days
    is_late = draw.random() < {1: 0.15, 3: 0.2}.get(day, 0.0)
    return {1: 1, 3: 2}[day] if is_late else day // 3


def add(ts, **given):
    event = dict.fromkeys(COLUMNS)
    event.update(event_id='e%d' % len(events), ts=ts, seq=len(events), ip='198.18.0.1', agent='Browser', method='GET', path='/',
                 status=200, device='desktop', says_bot=False, name='Page Viewed', **{})
    event.update(given)
    event['dt'] = ts.strftime('%Y-%m-%d')
    event['batch'] = batch(ts)
    if START <= ts < START + timedelta(days=DAYS):
        events.append(event)


STEPS = [timedelta(seconds=s) for s in (0, 0, 5, 40, 600, 1500, 1799.5, 1800, 1801, 3599.5, 3600, 7000)]
PAGES = [('/', 'Page Viewed', 1), ('/c/toys', 'Product List Viewed', 2), ('/p/1', 'Product Viewed', 3),
         ('/p/2', 'Product Viewed', 3), ('/cart/add', 'Product Added', 4), ('/cart/add', 'Product Added', 4),
         ('/cart/remove', 'Product Removed', None), ('/checkout', 'Checkout Started', 5),
         ('/payment', 'Payment Info Entered', 6), ('/order', 'Order Completed', 7), ('/about', 'Page Viewed', None)]
orders = 0
for person in range(9):
    visitor = 'v%d' % (person % 7) if person != 8 else None  # two share a browser, one has no cookie
    customer = [None, 11, 12, 13, 14, None, 11, 15, None][person]
    for visit in range(draw.randrange(3, 8)):
        hour = draw.choice([0, 9, 13, 23, 23, 23])
        ts = START + timedelta(days=draw.randrange(DAYS), hours=hour, minutes=draw.randrange(60))
        signed_in = customer is not None and draw.random() < 0.4
        for step in range(draw.randrange(1, 14)):
            path, name, stage = draw.choice(PAGES)
            given = dict(path=path, name=name, stage=stage, ip='198.18.0.%d' % person, visitor=visitor)
            if stage == 4 or name == 'Product Removed':
                product = draw.choice('12345')
                given.update(product=product, price=draw.choice([None, Decimal(product) / 4]), quantity=draw.randrange(1, 4))
            if stage == 7:
                orders += 1
                given.update(order='o%d' % orders)
            if draw.random() < 0.15:
                given.update(source=draw.choice(['mail', 'search']), campaign=draw.choice(['a', 'b', None]))
            signed_in = signed_in or (customer is not None and draw.random() < 0.1)
            add(ts, login=customer if signed_in else None, **given)
            ts += draw.choice(STEPS)
# Somebody who is never away for long, for two days and a half, with some of it said to be later.
ts = START + timedelta(days=1, hours=7)
while ts < START + timedelta(days=3, hours=20):
    add(ts, visitor='always', ip='198.18.1.1', path='/p/1', stage=3 if draw.random() < 0.9 else 4, price=Decimal(1), quantity=1)
    ts += timedelta(minutes=draw.randrange(20, 30))
# Programs: one that says so, one that reads robots.txt, one that only asks for heads, one that is too quick.
for day in range(DAYS):
    midnight = START + timedelta(days=day)
    for hour in range(0, 24, 5):
        add(midnight + timedelta(hours=hour), ip='192.0.2.1', agent='Crawler', says_bot=True, device='bot')
        add(midnight + timedelta(hours=hour), ip='192.0.2.2', agent='Quiet', path='/robots.txt' if hour == 10 else '/')
        add(midnight + timedelta(hours=hour), ip='192.0.2.3', agent='Probe', method='HEAD')
    for request in range(REQUESTS + 1 if day % 2 else REQUESTS):
        add(midnight + timedelta(hours=12, milliseconds=500 * request), ip='192.0.2.4', agent='Quick', visitor='v0')
# Delivered twice, the second time perhaps later.
for event in draw.sample(events, 20):
    events.append(dict(event, seq=event['seq'] + 100000, batch=max(event['batch'], batch(event['ts']))))

with open(directory + '/staged.tsv', 'w') as staged:
    for event in events:
        staged.write('\t'.join(text(event[column]) for column in COLUMNS) + '\n')

# --- what is made of them -------------------------------------------------------------------------------------------

once = {}
for event in sorted(events, key=lambda e: (e['ts'], e['seq'])):
    once.setdefault((event['dt'], event['event_id']), event)
events = list(once.values())

clients = defaultdict(list)
for event in events:
    event['client'] = hashlib.sha256(('%s\n%s' % (event['ip'], event['agent'])).encode()).hexdigest()
    clients[event['dt'], event['client']].append(event)
for of_client in clients.values():
    minutes = defaultdict(int)
    for event in of_client:
        minutes[event['ts'].strftime('%H:%M')] += 1
    for event in of_client:
        event['bot'] = ('user-agent' if event['says_bot'] else
                        'robots.txt' if any(e['path'] == '/robots.txt' for e in of_client) else
                        'head-only' if all(e['method'] == 'HEAD' for e in of_client) else
                        'rate' if max(minutes.values()) > REQUESTS else None)

known = defaultdict(list)  # visitor: customer, day, first, last
for event in events:
    if event['visitor'] and event['login'] and not event['bot']:
        for entry in known[event['visitor']]:
            if entry[:2] == [event['login'], event['ts'].date()]:
                entry[2], entry[3] = min(entry[2], event['ts']), max(entry[3], event['ts'])
                break
        else:
            known[event['visitor']].append([event['login'], event['ts'].date(), event['ts'], event['ts']])
for event in events:
    event['customer'] = event['login']
    if event['login'] is None and event['visitor'] and not event['bot']:
        near = [e for e in known[event['visitor']] if abs((e[1] - event['ts'].date()).days) <= IDENTITY_DAYS]
        after = [(max(first, event['ts']), customer) for customer, _, first, last in near if last >= event['ts']]
        before = [(last, customer) for customer, _, first, last in near if last < event['ts']]
        event['customer'] = min(after)[1] if after else max(before)[1] if before else None
    event['identity'] = ('b' + event['client'] if event['bot'] else
                         'c%d' % event['customer'] if event['customer'] and options['session_by'] != 'visitor' else
                         'v' + event['visitor'] if event['visitor'] else 'h' + event['client'])

people = defaultdict(list)
for event in sorted(events, key=lambda e: (e['ts'], e['seq'], e['event_id'])):
    people[event['identity']].append(event)


def stretches(of_one, begins):
    """Cuts where `begins` says so, and at the midnight behind a day that it said nothing in."""
    cut, told = [], defaultdict(bool)
    for at, event in enumerate(of_one):
        is_first = begins(at)
        told[event['dt']] |= is_first
        changes = at > 0 and of_one[at - 1]['dt'] != event['dt']
        if is_first or (changes and not told[of_one[at - 1]['dt']]):
            cut.append([])
        cut[-1].append(event)
    return cut


def campaign(event):
    parts = [event[part] for part in ('source', 'medium', 'campaign')]
    return '|'.join(part or '' for part in parts) if any(parts) else None


def sessions_of(of_one):
    chain = []

    def begins(at):
        event, last = of_one[at], of_one[at - 1] if at else None
        by_day = event['bot'] or options['new_session_at_midnight'] == 'true'
        if last is None or event['ts'] - last['ts'] >= GAP or (by_day and last['dt'] != event['dt']):
            chain[:] = [event]
            return True
        seen = [e for e in chain if campaign(e)]
        yesterday = (event['ts'].date() - timedelta(days=1)).isoformat()
        current = campaign(seen[-1]) if seen and seen[-1]['dt'] >= yesterday else ''
        chain.append(event)
        return (options['new_session_on_campaign'] == 'true' and campaign(event) is not None
                and last['ts'] < event['ts'] and campaign(event) != current)

    return stretches(of_one, begins)


def reached(stages, wanted):
    """Whether the stages of the funnel before `wanted`, then it, are found one behind the other."""
    at = 0
    for stage in [s for s in options['funnel'] if s < wanted] + [wanted]:
        at = stages.find(stage, at) + 1
        if at == 0:
            return False
    return True


made = {'events': [], 'sessions': [], 'carts': []}
for identity, of_one in people.items():
    for session in sessions_of(of_one):
        first, last = session[0], session[-1]
        started = session[0]['ts']
        session_id = sha(identity, text(started))
        stages = ''.join(str(e['stage']) for e in session if e['stage'])
        flags = [reached(stages, str(stage)) for stage in range(1, 8)]
        highest = max([stage + 1 for stage, flag in enumerate(flags) if flag], default=0)
        tagged = [e for e in session if campaign(e)]
        made['sessions'].append([
            session_id, identity, first['visitor'], max([e['customer'] for e in session if e['customer']], default=None),
            started, last['ts'], len(session), first['path'], last['path'], tagged[0]['source'] if tagged else None,
            tagged[0]['campaign'] if tagged else None, bool(first['bot']), max([e['bot'] for e in session if e['bot']], default=None), stages,
            ''.join('1' if flag else '0' for flag in flags), highest,
            len({e['order'] or e['event_id'] for e in session if e['stage'] == 7}), first['dt']])
        for seq, event in enumerate(session, 1):
            made['events'].append([event['event_id'], event['customer'], event['bot'], identity, session_id, seq, event['dt']])
            event['session'] = session_id
    if identity.startswith('b'):
        continue
    for stretch in stretches(of_one, lambda at: at == 0 or of_one[at]['ts'] - of_one[at - 1]['ts'] >= IDLE):
        carts = [[]]
        for event in stretch:
            carts[-1].append(event)
            if event['stage'] == 7:
                carts.append([])
        for before, cart in enumerate(carts):
            puts = [e for e in cart if e['stage'] == 4]
            if not puts:
                continue
            moved = [(e['quantity'] if e['stage'] == 4 else -e['quantity'], e['price']) for e in cart
                     if e['stage'] == 4 or e['name'] == 'Product Removed']
            priced = [pieces * price for pieces, price in moved if price is not None]
            order = cart[-1] if cart[-1]['stage'] == 7 else None
            started = puts[0]['ts']
            made['carts'].append([
                sha(identity, text(started), str(before)), identity,
                max([e['customer'] for e in cart if e['customer']], default=None), puts[0]['session'], started, cart[-1]['ts'],
                len(puts), sum(pieces for pieces, _ in moved), sum(priced).quantize(Decimal('0.01'), 'ROUND_HALF_UP') if priced else None,
                len({e['product'] for e in puts if e['product']}), order and order['order'],
                None if order else cart[-1]['ts'] + IDLE, puts[0]['dt']])

for name, rows in made.items():
    with open('%s/%s.tsv' % (directory, name), 'w') as out:
        for row in sorted('\t'.join('NULL' if v is None else text(v) for v in row) for row in rows):
            out.write(row + '\n')
print(' '.join('%s=%d' % (name, len(rows)) for name, rows in made.items()))
