use super::*;

fn index(patterns: &[(&str, Option<&str>)]) -> Index<usize> {
    let mut index = Index::new();
    for (item, (pattern, queue)) in patterns.iter().enumerate() {
        index.insert(pattern.as_bytes(), queue.map(str::as_bytes), item);
    }
    index
}

fn plain(index: &Index<usize>, subject: &str) -> Vec<usize> {
    let mut found = index.matches(subject.as_bytes()).plain;
    found.sort_unstable();
    found
}

#[test]
fn star_is_one_token_and_arrow_is_one_or_more() {
    let index = index(&[("a.*", None), ("a.>", None), (">", None), ("*", None), ("a.b", None)]);
    assert_eq!(plain(&index, "a"), [2, 3]);
    assert_eq!(plain(&index, "a.b"), [0, 1, 2, 4]);
    assert_eq!(plain(&index, "a.b.c"), [1, 2]);
}

#[test]
fn wildcards_in_a_published_subject_are_text() {
    let index = index(&[("a.*", None), ("a.>", None), ("a.x", None)]);
    assert_eq!(plain(&index, "a.*"), [0, 1]);
    assert_eq!(plain(&index, "a.>"), [0, 1]);
}

#[test]
fn an_empty_token_reaches_nobody() {
    let index = index(&[(">", None), ("a.*.b", None)]);
    for subject in ["", "a.", ".a", "a..b"] {
        assert!(index.matches(subject.as_bytes()).is_empty(), "{subject}");
    }
}

#[test]
fn queue_groups_merge_across_patterns() {
    let index = index(&[("a.x", Some("q")), ("a.*", Some("q")), ("a.>", Some("p"))]);
    let found = index.matches(b"a.x");
    let groups: Vec<_> =
        found.queues.iter().map(|group| (&*group.name, group.members.len())).collect();
    assert_eq!(groups, [(&b"p"[..], 1), (&b"q"[..], 2)]);
}

#[test]
fn a_crowd_is_removed_at_once_and_others_stay() {
    let patterns = [("a.b", None), ("a.b", None), ("a.b", Some("q")), ("a.b", None)];
    let mut index = index(&patterns);
    assert_eq!(index.remove_all(b"a.b", |item| *item == 0 || *item == 2), 2);
    assert_eq!((plain(&index, "a.b"), index.len()), (vec![1, 3], 2));
    assert_eq!(index.matches(b"a.b").queues, []);
    assert_eq!(index.remove_all(b"a.b", |_| true), 2);
    assert!(index.is_empty() && index.root.is_empty());
}

#[test]
fn a_table_that_got_sparse_gives_its_room_back() {
    let mut index = Index::new();
    let name = |nth: usize| format!("subject{nth}").into_bytes();
    let room = |index: &Index<usize>| index.root.literals.capacity();
    for nth in 0..1000 {
        index.insert(&name(nth), None, nth);
    }
    let full = room(&index);
    let mut forget_down_to = |left: usize| {
        for nth in left..index.len() {
            index.remove(&name(nth), None, &nth);
        }
        room(&index)
    };
    assert!(forget_down_to(full / 6) > full / 2, "a sixth is still in use");
    let shrunk = forget_down_to(full / 10);
    assert!((full / 6..full / 2).contains(&shrunk), "{shrunk} of {full}");
    assert!(forget_down_to(10) <= SPARSE_MAX + 64);
    assert!(forget_down_to(0) > 0, "a small one is not worth it");
}

#[test]
fn what_a_route_takes_is_counted() {
    let index = index(&[("a", None), ("*", None), (">", Some("group")), ("a", Some("group"))]);
    let bytes = 4 * size_of::<usize>() + size_of::<QueueGroup<usize>>() + "group".len();
    assert_eq!(index.matches(b"a").size_bytes(), bytes);
    assert_eq!(index.matches(b"").size_bytes(), 0);
}

#[test]
fn nobody_is_interested_if_there_is_neither_kind() {
    let index = index(&[("a", None), ("b", Some("group"))]);
    assert!(!index.is_empty());
    assert!(!index.matches(b"a").is_empty() && !index.matches(b"b").is_empty());
    assert!(index.matches(b"c").is_empty());
}

#[test]
fn removing_everything_leaves_no_node() {
    let patterns = [("a.b.c", None), ("a.*.>", None), ("*", Some("q")), (">", None)];
    let mut index = index(&patterns);
    assert!(!index.remove(b"a.b", None, &0) && !index.remove(b"a.b.c", None, &9));
    for (item, (pattern, queue)) in patterns.iter().enumerate() {
        let queue = queue.map(str::as_bytes);
        assert!(index.remove(pattern.as_bytes(), queue, &item), "{pattern}");
    }
    assert!(index.is_empty() && index.root.is_empty());
}
