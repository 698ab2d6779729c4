//! Random programs on the pool, and a model of its rules that looks through lists.

use aioxide_http::client::{Config, Lease, Pool, Timeouts};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::cases;
use crate::world::{Error, Task, World};
use crate::{OK, counts, head_of};

const EXPIRY: f64 = 10.0;

/// What a program does. Numbers choose among what there is, and wrap around.
#[derive(Clone, Debug)]
enum Step {
    TryAcquire(u32),
    Acquire(u32),
    /// A caller stops waiting.
    GiveUp(usize),
    Connect(usize),
    Release(usize),
    Close(usize),
    /// A whole request over a connection; the server keeps it.
    Exchange(usize),
    /// A request that is given up.
    Abandon(usize),
    /// The server closes an open connection.
    Hang(usize),
    /// Time passes; what has expired is closed.
    Pass(u8),
    CloseIdle,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u32..4).prop_map(Step::TryAcquire),
        6 => (0u32..4).prop_map(Step::Acquire),
        2 => any::<usize>().prop_map(Step::GiveUp),
        6 => any::<usize>().prop_map(Step::Connect),
        3 => any::<usize>().prop_map(Step::Release),
        2 => any::<usize>().prop_map(Step::Close),
        6 => any::<usize>().prop_map(Step::Exchange),
        1 => any::<usize>().prop_map(Step::Abandon),
        1 => any::<usize>().prop_map(Step::Hang),
        1 => (1u8..12).prop_map(Step::Pass),
        1 => Just(Step::CloseIdle),
    ]
}

fn config() -> impl Strategy<Value = Config> {
    let bound = |range: std::ops::Range<usize>| proptest::option::of(range);
    (bound(1..5), bound(1..3), bound(0..4)).prop_map(|(limit, limit_per_host, max_idle)| Config {
        limit,
        limit_per_host,
        max_idle,
        keepalive_expiry: Some(EXPIRY),
        ..Config::default()
    })
}

/// A place in use: its origin, and the number of its connection.
type InUse = (u32, Option<usize>);

/// The rules, said as simply as possible.
struct Model {
    config: Config,
    in_use: usize,
    in_use_of: [usize; 4],
    /// Origin, connection, since when; the oldest first.
    idle: Vec<(u32, usize, f64)>,
    /// Ticket and origin, in the order in which they came.
    waiting: Vec<(usize, u32)>,
    /// Who was served, and with what.
    served: Vec<(usize, InUse)>,
    /// By the number of a connection: whether the server has closed it.
    hung: Vec<bool>,
    /// Whether we have.
    closed: Vec<bool>,
    now: f64,
}

impl Model {
    fn new(config: Config) -> Self {
        Self {
            config,
            in_use: 0,
            in_use_of: [0; 4],
            idle: Vec::new(),
            waiting: Vec::new(),
            served: Vec::new(),
            hung: Vec::new(),
            closed: Vec::new(),
            now: 0.0,
        }
    }

    fn take(&mut self, origin: u32) -> Option<InUse> {
        while let Some(at) = self.idle.iter().rposition(|idle| idle.0 == origin) {
            let (_, connection, since) = self.idle.remove(at);
            if since + EXPIRY > self.now && !self.hung[connection] {
                return Some(self.begin_use(origin, Some(connection)));
            }
            self.closed[connection] = true;
        }
        let all = self.config.limit.unwrap_or(usize::MAX);
        let of_host = self.config.limit_per_host.unwrap_or(usize::MAX);
        if self.in_use_of[origin as usize] >= of_host || self.in_use >= all {
            return None;
        }
        if self.in_use + self.idle.len() >= all {
            let (_, connection, _) = self.idle.remove(0);
            self.closed[connection] = true;
        }
        Some(self.begin_use(origin, None))
    }

    fn begin_use(&mut self, origin: u32, connection: Option<usize>) -> InUse {
        self.in_use += 1;
        self.in_use_of[origin as usize] += 1;
        (origin, connection)
    }

    /// A place in use is given back. Its connection is kept, or closed.
    fn leave(&mut self, (origin, connection): InUse, keeps: bool) {
        self.in_use -= 1;
        self.in_use_of[origin as usize] -= 1;
        match connection {
            Some(connection) if keeps && !self.hung[connection] => {
                self.idle.push((origin, connection, self.now));
            }
            Some(connection) => self.closed[connection] = true,
            None => {}
        }
        self.serve();
        while self.idle.len() > self.config.max_idle.unwrap_or(usize::MAX) {
            let (_, connection, _) = self.idle.remove(0);
            self.closed[connection] = true;
        }
    }

    fn serve(&mut self) {
        let mut at = 0;
        while at < self.waiting.len() {
            let (ticket, origin) = self.waiting[at];
            match self.take(origin) {
                Some(place) => {
                    self.waiting.remove(at);
                    self.served.push((ticket, place));
                }
                None => at += 1,
            }
        }
    }

    fn close_idle(&mut self, which: impl Fn(&(u32, usize, f64), &[bool]) -> bool) {
        let hung = self.hung.clone();
        for idle in std::mem::take(&mut self.idle) {
            if which(&idle, &hung) {
                self.closed[idle.1] = true;
            } else {
                self.idle.push(idle);
            }
        }
    }
}

type Acquiring = Task<Result<Lease<World>, Error>>;

/// The pool and its model, side by side.
struct Both {
    world: World,
    pool: Pool<World>,
    model: Model,
    leases: Vec<(Lease<World>, InUse)>,
    waiting: Vec<(usize, Acquiring)>,
    tickets: usize,
}

impl Both {
    fn new(config: Config) -> Self {
        let (world, pool) = World::pool(config);
        let model = Model::new(config);
        Self { world, pool, model, leases: Vec::new(), waiting: Vec::new(), tickets: 0 }
    }

    fn lease(&mut self, number: usize) -> Option<(Lease<World>, InUse)> {
        let count = self.leases.len();
        (count > 0).then(|| self.leases.remove(number % count))
    }

    /// A lease with a connection.
    fn connected(&mut self, number: usize) -> Option<(Lease<World>, usize, InUse)> {
        let (lease, place) = self.lease(number)?;
        match place.1 {
            Some(connection) if !self.model.hung[connection] => Some((lease, connection, place)),
            _ => {
                self.leases.push((lease, place));
                None
            }
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::TryAcquire(origin) => {
                let place = self.model.take(origin);
                let lease = self.pool.try_acquire(origin);
                assert_eq!(lease.is_some(), place.is_some());
                self.leases.extend(lease.zip(place));
            }
            Step::Acquire(origin) => {
                let ticket = self.tickets;
                self.tickets += 1;
                match self.model.take(origin) {
                    Some(place) => self.model.served.push((ticket, place)),
                    None => self.model.waiting.push((ticket, origin)),
                }
                self.waiting.push((ticket, self.world.spawn(self.pool.acquire(origin))));
            }
            Step::GiveUp(number) if !self.waiting.is_empty() => {
                let (ticket, task) = self.waiting.remove(number % self.waiting.len());
                self.model.waiting.retain(|waiting| waiting.0 != ticket);
                task.cancel();
            }
            Step::Connect(number) => {
                let Some((mut lease, mut place)) = self.lease(number) else { return };
                if place.1.is_none() {
                    place.1 = Some(self.model.hung.len());
                    self.model.hung.push(false);
                    self.model.closed.push(false);
                }
                let connected =
                    self.world.spawn(async move { lease.connect(None).await.map(|()| lease) });
                self.leases.push((connected.result().unwrap(), place));
            }
            Step::Release(number) => {
                let Some((lease, place)) = self.lease(number) else { return };
                self.model.leave(place, true);
                lease.release();
            }
            Step::Close(number) => {
                let Some((lease, place)) = self.lease(number) else { return };
                self.model.leave(place, false);
                lease.close();
            }
            Step::Exchange(number) => {
                let Some((lease, connection, place)) = self.connected(number) else { return };
                let exchange = lease.open(head_of("GET", &[]), Timeouts::default()).unwrap();
                self.world.wire(connection).send(OK);
                self.model.leave(place, true);
                let answered = self.world.spawn(async move { exchange.response().await });
                assert!(answered.result().unwrap().is_complete());
            }
            Step::Abandon(number) => {
                let Some((lease, _, place)) = self.connected(number) else { return };
                let exchange = lease.open(head_of("GET", &[]), Timeouts::default()).unwrap();
                self.model.leave(place, false);
                drop(exchange);
            }
            Step::Hang(number) if self.world.made() > 0 => {
                let connection = number % self.world.made();
                self.model.hung[connection] = true;
                self.world.wire(connection).end();
            }
            Step::Pass(seconds) => {
                self.world.pass(seconds.into());
                self.model.now += f64::from(seconds);
                let now = self.model.now;
                self.model
                    .close_idle(|&(_, number, since), hung| since + EXPIRY <= now || hung[number]);
                let next = self.pool.close_expired(now);
                assert_eq!(next, self.model.idle.first().map(|idle| idle.2 + EXPIRY));
            }
            Step::CloseIdle => {
                self.model.close_idle(|_, _| true);
                self.pool.close_idle();
            }
            Step::GiveUp(_) | Step::Hang(_) => {}
        }
        self.world.run();
        self.compare();
    }

    fn compare(&mut self) {
        let model = &mut self.model;
        let mut served = std::mem::take(&mut model.served);
        for (ticket, task) in std::mem::take(&mut self.waiting) {
            let place = served.iter().position(|served| served.0 == ticket);
            assert_eq!(task.is_done(), place.is_some(), "ticket {ticket}");
            match place {
                Some(at) => {
                    let (_, place) = served.remove(at);
                    self.leases.push((task.result().unwrap(), place));
                }
                None => self.waiting.push((ticket, task)),
            }
        }
        assert!(served.is_empty());
        assert_eq!(counts(&self.pool), (model.idle.len(), model.in_use, model.waiting.len()));
        for (lease, (_, connection)) in &self.leases {
            assert_eq!(lease.stream().map(|stream| stream.0.number), *connection);
        }
        for (number, is_closed) in model.closed.iter().enumerate() {
            assert_eq!(self.world.wire(number).is_closed(), *is_closed, "connection {number}");
        }
        let all = self.pool.config().limit.unwrap_or(usize::MAX);
        assert!(model.in_use + model.idle.len() <= all);
    }
}

proptest! {
    #![proptest_config(cases(512, "tests/regressions/client_model.txt"))]

    #[test]
    fn the_pool_follows_its_model(config in config(), steps in vec(step(), 0..80)) {
        let mut both = Both::new(config);
        for step in steps {
            both.run(step);
        }
        // Whatever happened, nothing is left when all is given back.
        let (world, pool) = (both.world.clone(), both.pool.clone());
        let Both { leases, waiting, .. } = both;
        waiting.into_iter().for_each(|(_, task)| task.cancel());
        drop(leases);
        prop_assert_eq!((pool.in_use(), pool.waiting()), (0, 0));
        prop_assert_eq!(world.open(), pool.idle());
        pool.close();
        prop_assert_eq!((world.open(), pool.idle()), (0, 0));
    }
}
