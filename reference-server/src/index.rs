//! Who is interested in a subject: a tree of tokens, one level a token.
//!
//! The tree knows nothing of connections; what it holds is any item that can be compared. A
//! published subject walks the tree once: at each level the literal token, `*` and `>` are
//! looked at, so the cost follows the tokens of the subject and the wildcards that cover it, not
//! the number of subscriptions.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use crate::subject::tokens;

/// Tables up to this size are not worth shrinking.
const SPARSE_MAX: usize = 64;

/// Takes items out and says how many.
type Take<'a, T> = dyn FnMut(&mut Here<T>) -> usize + 'a;

/// The tree.
#[derive(Debug)]
pub struct Index<T> {
    root: Level<T>,
    len: usize,
}

/// What a subject found. Queue groups of the same name are one group, whatever pattern their
/// members subscribed with (CORE-QUEUE-004).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matches<T> {
    /// Each gets a copy.
    pub plain: Vec<T>,
    /// One member of each gets a copy. In order of their names, each once.
    pub queues: Vec<QueueGroup<T>>,
}

/// The members of one queue group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueGroup<T> {
    /// The group's name.
    pub name: Box<[u8]>,
    /// One entry for each membership.
    pub members: Vec<T>,
}

#[derive(Debug)]
struct Level<T> {
    /// By literal token; `*` and `>` never stand here.
    literals: HashMap<Box<[u8]>, Node<T>, RandomState>,
    /// Below `*`.
    star: Option<Box<Node<T>>>,
    /// Patterns that end here with `>`.
    arrow: Option<Box<Here<T>>>,
}

#[derive(Debug)]
struct Node<T> {
    /// Patterns that end with this token.
    here: Here<T>,
    /// Patterns that go on.
    next: Option<Box<Level<T>>>,
}

/// The items of one pattern.
#[derive(Debug)]
struct Here<T> {
    plain: Vec<T>,
    /// None where there is none, as with most of millions of patterns.
    queues: Option<Box<Groups<T>>>,
}

/// By the group's name. Thousands of groups must not make a search slow.
type Groups<T> = BTreeMap<Box<[u8]>, Vec<T>>;

impl<T: Clone + PartialEq> Index<T> {
    /// An empty tree.
    pub fn new() -> Index<T> {
        Index { root: Level::default(), len: 0 }
    }

    /// How many items are in it.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an item under a pattern that [`is_valid_pattern`](crate::subject::is_valid_pattern).
    pub fn insert(&mut self, pattern: &[u8], queue: Option<&[u8]>, item: T) {
        let mut level = &mut self.root;
        let mut tokens = tokens(pattern).peekable();
        while let Some(token) = tokens.next() {
            if token == b">" {
                level.arrow.get_or_insert_default().add(queue, item);
                self.len += 1;
                return;
            }
            let node = match token {
                b"*" => level.star.get_or_insert_default(),
                _ => level.literals.entry(token.into()).or_default(),
            };
            if tokens.peek().is_none() {
                node.here.add(queue, item);
                self.len += 1;
                return;
            }
            level = node.next.get_or_insert_default();
        }
    }

    /// Takes an item out again, named by the pattern and queue group it was added with; false if
    /// it is not there.
    pub fn remove(&mut self, pattern: &[u8], queue: Option<&[u8]>, item: &T) -> bool {
        self.take(pattern, &mut |here| usize::from(here.remove(queue, item))) == 1
    }

    /// Takes out all items of a pattern that `is_one` points at, whatever their queue group, and
    /// says how many there were. For a crowd: one pass instead of a search for each.
    pub fn remove_all(&mut self, pattern: &[u8], is_one: impl Fn(&T) -> bool) -> usize {
        self.take(pattern, &mut |here| here.remove_all(&is_one))
    }

    fn take(&mut self, pattern: &[u8], take: &mut Take<'_, T>) -> usize {
        let tokens: Vec<&[u8]> = tokens(pattern).collect();
        let taken = self.root.take(&tokens, take);
        self.len -= taken;
        taken
    }

    /// Everything that is interested in a published subject. An empty token matches nothing, not
    /// even `>` (CORE-SUBJ-009); `*` and `>` in a published subject are text (CORE-SUBJ-006).
    pub fn matches(&self, subject: &[u8]) -> Matches<T> {
        let mut found = Matches::default();
        let tokens: Vec<&[u8]> = tokens(subject).collect();
        if tokens.iter().all(|token| !token.is_empty()) {
            self.root.collect(&tokens, &mut found);
        }
        found.merge_groups();
        found
    }
}

impl<T: Clone + PartialEq> Level<T> {
    fn collect(&self, tokens: &[&[u8]], found: &mut Matches<T>) {
        let Some((token, rest)) = tokens.split_first() else { return };
        if let Some(arrow) = &self.arrow {
            found.extend(arrow);
        }
        let literal = self.literals.get(*token);
        for node in [literal, self.star.as_deref()].into_iter().flatten() {
            match (&node.next, rest.is_empty()) {
                (_, true) => found.extend(&node.here),
                (Some(next), false) => next.collect(rest, found),
                (None, false) => {}
            }
        }
    }

    /// Takes items out, and every node that is empty without them.
    fn take(&mut self, tokens: &[&[u8]], take: &mut Take<'_, T>) -> usize {
        let Some((token, rest)) = tokens.split_first() else { return 0 };
        if *token == b">" {
            let found = self.arrow.as_mut().map_or(0, |arrow| take(arrow));
            self.arrow.take_if(|arrow| arrow.is_empty());
            return found;
        }
        let node = match *token {
            b"*" => self.star.as_deref_mut(),
            _ => self.literals.get_mut(*token),
        };
        let Some(node) = node else { return 0 };
        let found = match (&mut node.next, rest.is_empty()) {
            (_, true) => take(&mut node.here),
            (Some(next), false) => next.take(rest, take),
            (None, false) => 0,
        };
        node.next.take_if(|next| next.is_empty());
        if node.here.is_empty() && node.next.is_none() {
            match *token {
                b"*" => self.star = None,
                _ => self.forget(token),
            }
        }
        found
    }

    /// A table keeps its room when it gets empty; a large one must not do so for ever.
    fn forget(&mut self, token: &[u8]) {
        self.literals.remove(token);
        if self.literals.capacity() > SPARSE_MAX
            && self.literals.len() < self.literals.capacity() / 8
        {
            self.literals.shrink_to(self.literals.len() * 2);
        }
    }

    fn is_empty(&self) -> bool {
        self.literals.is_empty() && self.star.is_none() && self.arrow.is_none()
    }
}

impl<T: Clone + PartialEq> Here<T> {
    fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.queues.is_none()
    }

    fn add(&mut self, queue: Option<&[u8]>, item: T) {
        match queue {
            None => {
                // Most patterns have one subscription; a vector would make room for four.
                self.plain.reserve_exact(usize::from(self.plain.is_empty()));
                self.plain.push(item);
            }
            Some(name) => {
                let queues = self.queues.get_or_insert_default();
                match queues.get_mut(name) {
                    Some(members) => members.push(item),
                    None => drop(queues.insert(name.into(), vec![item])),
                }
            }
        }
    }

    fn remove(&mut self, queue: Option<&[u8]>, item: &T) -> bool {
        let Some(name) = queue else { return take(&mut self.plain, item) };
        let Some(queues) = &mut self.queues else { return false };
        let Some(members) = queues.get_mut(name) else { return false };
        let found = take(members, item);
        if members.is_empty() {
            queues.remove(name);
        }
        self.queues.take_if(|queues| queues.is_empty());
        found
    }

    fn remove_all(&mut self, is_one: impl Fn(&T) -> bool) -> usize {
        let mut taken = 0;
        let mut others = |items: &mut Vec<T>| {
            let before = items.len();
            items.retain(|item| !is_one(item));
            taken += before - items.len();
            !items.is_empty()
        };
        others(&mut self.plain);
        if let Some(queues) = &mut self.queues {
            queues.retain(|_, members| others(members));
        }
        self.queues.take_if(|queues| queues.is_empty());
        taken
    }
}

fn take<T: PartialEq>(items: &mut Vec<T>, item: &T) -> bool {
    let at = items.iter().position(|candidate| candidate == item);
    at.map(|at| items.swap_remove(at)).is_some()
}

impl<T: Clone> Matches<T> {
    /// Bytes it holds, what it points at left aside.
    pub(crate) fn size_bytes(&self) -> usize {
        let groups = self.queues.iter().map(|group| {
            size_of::<QueueGroup<T>>() + group.name.len() + size_of_val(&*group.members)
        });
        size_of_val(&*self.plain) + groups.sum::<usize>()
    }

    /// Whether nobody is interested.
    pub fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.queues.is_empty()
    }

    /// Keeps some of the items; groups without members are gone.
    pub(crate) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.plain.retain(&keep);
        self.queues.retain_mut(|group| {
            group.members.retain(&keep);
            !group.members.is_empty()
        });
    }

    fn extend(&mut self, here: &Here<T>) {
        self.plain.extend_from_slice(&here.plain);
        self.queues.extend(
            here.queues
                .iter()
                .flat_map(|queues| &**queues)
                .map(|(name, members)| QueueGroup { name: name.clone(), members: members.clone() }),
        );
    }

    /// Makes one group of those that have the same name. What each pattern found is in order
    /// already, which the sort makes use of.
    fn merge_groups(&mut self) {
        self.queues.sort_by(|one, other| one.name.cmp(&other.name));
        self.queues.dedup_by(|again, group| {
            let is_same = again.name == group.name;
            if is_same {
                group.members.append(&mut again.members);
            }
            is_same
        });
    }
}

impl<T: Clone + PartialEq> Default for Index<T> {
    fn default() -> Index<T> {
        Index::new()
    }
}

impl<T> Default for Level<T> {
    fn default() -> Level<T> {
        Level { literals: HashMap::default(), star: None, arrow: None }
    }
}

impl<T> Default for Node<T> {
    fn default() -> Node<T> {
        Node { here: Here::default(), next: None }
    }
}

impl<T> Default for Here<T> {
    fn default() -> Here<T> {
        Here { plain: Vec::new(), queues: None }
    }
}

impl<T> Default for Matches<T> {
    fn default() -> Matches<T> {
        Matches { plain: Vec::new(), queues: Vec::new() }
    }
}

#[cfg(test)]
mod tests;
