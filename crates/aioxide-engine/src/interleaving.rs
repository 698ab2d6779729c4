//! Another order of the ready items: one that a program has to expect, drawn
//! from a seed.

use std::collections::{HashMap, VecDeque};

/// The ordering keys of one item: items that share a key run in the order in
/// which they became ready.
pub type OrderingKeys = [Option<usize>; 2];

/// Draws the order of each iteration from a seed, for tests. The same seed and
/// the same program give the same orders.
///
/// ```
/// use aioxide_engine::{Cancellable, Clock, Engine, Interleaving};
///
/// struct Letter(char);
/// impl Cancellable for Letter {
///     fn is_cancelled(&self) -> bool {
///         false
///     }
/// }
///
/// let mut engine = Engine::new(Clock::virtual_from(0.0))?;
/// // Capital letters keep their order among themselves.
/// engine.interleave(Interleaving::new(7, |letter: &Letter| {
///     [letter.0.is_uppercase().then_some(1), None]
/// }));
/// "AabBcC".chars().for_each(|letter| engine.schedule(Letter(letter)));
/// let count = engine.collect(&mut Vec::new());
/// let order: String = (0..count).filter_map(|_| engine.next_ready()).map(|it| it.0).collect();
/// assert_eq!(order.replace(char::is_lowercase, ""), "ABC");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Interleaving<T> {
    random: fastrand::Rng,
    ordering_keys: fn(&T) -> OrderingKeys,
}

impl<T> Interleaving<T> {
    /// Draws orders from `seed`; items with a common key keep their order.
    /// `ordering_keys` is called for each item of an iteration before that runs.
    pub fn new(seed: u64, ordering_keys: fn(&T) -> OrderingKeys) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), ordering_keys }
    }

    /// Any order, for items without common keys.
    pub(crate) fn shuffle(&mut self, items: &mut [T]) {
        self.random.shuffle(items);
    }

    /// Reorders `ready`. No item is dropped.
    pub(crate) fn reorder(&mut self, ready: &mut VecDeque<T>) {
        if ready.len() < 2 {
            return;
        }
        let mut constraints = Constraints::of(ready, self.ordering_keys);
        let mut items: Vec<Option<T>> = ready.drain(..).map(Some).collect();
        while !constraints.free.is_empty() {
            let choice = self.random.usize(..constraints.free.len());
            ready.extend(items[constraints.take(choice)].take());
        }
    }
}

/// Which items may come next, and which have to wait for other items.
struct Constraints {
    /// The items that have no predecessor left.
    free: Vec<usize>,
    /// By item: the next item of each of its keys.
    successors: Vec<[Option<usize>; 2]>,
    /// By item: how many items have to come before it.
    predecessors: Vec<u8>,
}

impl Constraints {
    fn of<T>(ready: &VecDeque<T>, ordering_keys: fn(&T) -> OrderingKeys) -> Self {
        let mut successors = vec![[None; 2]; ready.len()];
        let mut predecessors = vec![0; ready.len()];
        // The last item so far of each key, and the key's place in that item.
        let mut last: HashMap<usize, (usize, usize)> = HashMap::new();
        for (index, item) in ready.iter().enumerate() {
            for (place, key) in ordering_keys(item).into_iter().enumerate() {
                let Some(key) = key else { continue };
                if let Some((previous, place)) = last.insert(key, (index, place)) {
                    successors[previous][place] = Some(index);
                    predecessors[index] += 1;
                }
            }
        }
        let free = (0..ready.len()).filter(|index| predecessors[*index] == 0).collect();
        Self { free, successors, predecessors }
    }

    /// Takes a free item as the next one, and frees those that waited for it.
    fn take(&mut self, choice: usize) -> usize {
        let index = self.free.swap_remove(choice);
        for successor in self.successors[index].into_iter().flatten() {
            self.predecessors[successor] -= 1;
            if self.predecessors[successor] == 0 {
                self.free.push(successor);
            }
        }
        index
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// A name and its ordering keys.
    type Item = (char, OrderingKeys);

    fn order(seed: u64, items: &[Item]) -> String {
        let mut ready: VecDeque<Item> = items.iter().copied().collect();
        Interleaving::new(seed, |item: &Item| item.1).reorder(&mut ready);
        ready.iter().map(|item| item.0).collect()
    }

    fn orders(items: &[Item]) -> HashSet<String> {
        (0..1000).map(|seed| order(seed, items)).collect()
    }

    #[test]
    fn items_without_keys_come_in_every_order() {
        let items = [('a', [None, None]), ('b', [None, None]), ('c', [None, None])];
        assert_eq!(orders(&items).len(), 6);
    }

    #[test]
    fn items_of_one_key_keep_their_order_and_others_come_anywhere() {
        let key = [Some(1), None];
        let items = [('a', key), ('x', [None, None]), ('b', key)];
        let expected = ["xab", "axb", "abx"].map(str::to_owned);
        assert_eq!(orders(&items), HashSet::from(expected));
    }

    #[test]
    fn an_item_of_two_keys_keeps_both_orders() {
        let items = [
            ('a', [Some(1), None]),
            ('p', [Some(2), None]),
            ('b', [Some(1), Some(2)]),
            ('q', [Some(2), None]),
        ];
        assert_eq!(orders(&items), HashSet::from(["apbq", "pabq"].map(str::to_owned)));
    }

    #[test]
    fn the_same_seed_gives_the_same_order() {
        let items = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map(|name| (name, [None, None]));
        assert!((0..100).all(|seed| order(seed, &items) == order(seed, &items)));
    }

    #[test]
    fn one_seed_gives_different_orders_in_different_iterations() {
        let mut random = Interleaving::new(1, |item: &Item| item.1);
        let items = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map(|name| (name, [None, None]));
        let mut iteration = || {
            let mut ready = VecDeque::from(items);
            random.reorder(&mut ready);
            ready.iter().map(|item| item.0).collect::<String>()
        };
        assert_ne!(iteration(), iteration());
    }
}
