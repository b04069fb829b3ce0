use super::*;

/// As 2.15.1 maps them (ACC-017).
#[test]
fn mappings_make_of_a_subject_what_nats_server_makes() {
    for (source, destination, subject, made) in [
        ("1.*", "r1.$1.y", "1.x", "r1.x.y"),
        ("2.*.*", "r2.{{wildcard(2)}}.{{wildcard(1)}}", "2.a.b", "r2.b.a"),
        ("3.*", "r3.$1.{{partition(3,1)}}", "3.abc", "r3.abc.2"),
        ("4.*.*", "r4.{{partition(10,1,2)}}", "4.foo.bar", "r4.0"),
        ("5.*", "r5.{{partition(7)}}", "5.q", "r5.2"),
        ("6", "r6.{{partition(7)}}", "6", "r6.4"),
        ("7.*", "r7.{{splitfromleft(1,3)}}", "7.abcdef", "r7.abc.def"),
        ("8.*", "r8.{{SplitFromRight(1,2)}}", "8.abcdef", "r8.abcd.ef"),
        ("9.*", "r9.{{slicefromleft(1,4)}}", "9.abcdefghij", "r9.abcd.efgh.ij"),
        ("10.*", "r10.{{slicefromright(1,4)}}", "10.abcdefghij", "r10.ab.cdef.ghij"),
        ("11.*", "r11.{{split(1,-)}}", "11.-a--b-c-", "r11.a.b.c"),
        ("12.*", "r12.{{left(1,2)}}", "12.abc", "r12.ab"),
        ("13.*", "r13.{{right(1,2)}}", "13.abc", "r13.bc"),
        ("14.*", "r14.{{splitfromleft(1,9)}}", "14.abc", "r14.abc"),
        ("15.*.>", "r15.$1.>", "15.a.b.c", "r15.a.b.c"),
        ("16.>", "r16.x.>", "16.a.b.c", "r16.x.a.b.c"),
        ("17.*", "r17.$0", "17.a", "r17.17"),
        ("18.*", "r18.x", "18.a", "r18.x"),
        ("19.*", "r19.{{split(1,-)}}", "19.--a", "r19..a"),
        ("20.*", "r20.{{left(1,0)}}", "20.abc", "r20.abc"),
        ("21.*", "r21.{{split(1,)}}", "21.abc", "r21.a.b.c"),
        ("22.*.*", "$2.r22", "22.a.b", "b.r22"),
        ("23.*", "r23.{{slicefromleft(1,3)}}", "23.abc", "r23.abc"),
        ("24.*", "r24.$x.{{a}", "24.b", "r24.$x.{{a}"),
        ("25.*", "r25.{{}}", "25.b", "r25.{{}}"),
        ("26.*.*", "r26.{{ Wildcard ( 2 ) }}", "26.a.b", "r26.b"),
        ("27.*", "r27.{{partition(0,1)}}", "27.a", "r27.0"),
        ("28.*", "r28.{{random(1)}}", "28.a", "r28.0"),
    ] {
        let transform = Transform::mapping(source, destination).unwrap();
        let found = String::from_utf8(transform.apply(subject.as_bytes())).unwrap();
        assert_eq!(found, made, "{source} {destination}");
    }
}

/// As 2.15.1 refuses them (ACC-019).
#[test]
fn what_no_subject_can_be_made_by_is_told() {
    const HEAD: &str = "invalid mapping destination: ";
    for (source, destination, words) in [
        ("a.*", "{{SPLIT(1,-)}}", "unknown function in {{SPLIT(1,-)}}"),
        ("a.*", "{{foo(1)}}", "unknown function in {{foo(1)}}"),
        ("a.*", "{{partition}}", "unknown function in {{partition}}"),
        (
            "a.*",
            "{{partition()}}",
            "function argument is invalid or in the wrong format in {{partition()}}",
        ),
        ("a.*", "{{partition(3,2)}}", "wildcard index out of range in {{partition(3,2)}}: [2]"),
        ("a", "{{wildcard(1)}}", "wildcard index out of range in {{wildcard(1)}}"),
        ("a", "$1", "wildcard index out of range in $1"),
        ("a", "b..c", "invalid transform"),
        ("a", "b.>.c", "invalid transform in c"),
        ("a.*", "b c", "invalid transform"),
        ("a.*", "{{wildcard()}}", "not enough arguments passed to the function in {{wildcard()}}"),
        ("a.*", "{{left(1,2,3)}}", "too many arguments passed to the function in {{left(1,2,3)}}"),
    ] {
        let error = Transform::mapping(source, destination).unwrap_err().to_string();
        assert_eq!(error, format!("{HEAD}{words}"), "{source} {destination}");
    }
    for (source, destination) in [("a.*", "b.*"), ("a.>", "b.c"), ("a..b", "c")] {
        let error = Transform::mapping(source, destination).unwrap_err().to_string();
        assert_eq!(error, "invalid subject", "{source} {destination}");
    }
    let error = Transform::reversible("a.*.*", "b.$1").unwrap_err().to_string();
    assert_eq!(error, format!("{HEAD}not using all of the token wildcard(s) in b.$1"));
}

#[test]
fn an_import_is_turned_round() {
    for (source, destination, from, to) in [
        ("pub.*.*", "local.$2.x.$1", "local.b.x.a", "pub.a.b"),
        ("pub.*.*", "local.$2.x.$1", "local.*.x.a", "pub.a.*"),
        ("pub.>", "from.pub.>", "from.pub.a.>", "pub.a.>"),
        ("pub", "local", "local", "pub"),
    ] {
        let back = reverse(source, destination).unwrap();
        let found = String::from_utf8(back.apply(from.as_bytes())).unwrap();
        assert_eq!(found, to, "{source} {destination}");
    }
    assert_eq!(numbered("a.*.b.*.>"), "a.$1.b.$2.>");
    assert_eq!(pattern_of("a.$2.{{wildcard(1)}}.$x").0, "a.*.*.$x");
}
