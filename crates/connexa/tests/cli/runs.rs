//! Runs that have ended: listed, shown, reported again, verified.

use crate::support::{Bench, assert_valid, keys};
use insta::assert_snapshot;

const SPEC: &str = "\
networks:
  - { name: paris, egress: false, routes: [10.20.0.0/16] }
  - { name: lyon, egress: false }
";

fn ids(bench: &Bench) -> Vec<String> {
    bench.run("runs --emulator -o name").exits(0).stdout.lines().map(str::to_owned).collect()
}

#[test]
fn runs_are_listed_newest_first_in_every_form() {
    let bench = Bench::new();
    bench.file("spec.yaml", SPEC);
    assert_eq!(bench.run("runs --emulator").exits(0).stdout, "no runs yet\n");
    bench.run("apply -f spec.yaml --emulator --yes").exits(0);
    bench.run("create networks lyon nice --set egress=true --emulator").exits(4);
    bench.run("plan -f spec.yaml --emulator").exits(0);
    // A run that finds nothing to do is one too: the id in its report can be asked for.
    let third = bench.run("apply -f spec.yaml --emulator --yes -o json").exits(0).json();

    let document = bench.run("runs --emulator -o json").exits(0).json();
    assert_valid(&document);
    let runs = document["runs"].as_array().unwrap();
    let told: Vec<_> =
        runs.iter().map(|run| (run["command"].as_str().unwrap(), run["outcome"].as_str().unwrap())).collect();
    assert_eq!(told, [("apply", "complete"), ("create", "partial"), ("apply", "complete")]);
    assert_eq!(runs[0]["id"], third["run"]["id"]);
    assert_eq!(runs[1]["counts"]["network"]["failed"], 1);
    assert_eq!(runs[2]["counts"]["network_route"]["succeeded"], 1);

    let lines = bench.run("runs --emulator -o jsonl --limit 2").exits(0).stdout;
    assert_eq!(lines.lines().count(), 2);
    assert_eq!(ids(&bench).len(), 3);
    let csv = bench.run("runs --emulator -o csv").exits(0).stdout;
    assert!(csv.starts_with("run,command,tenant,outcome,started,finished,succeeded,failed,"), "{csv}");
    assert_eq!(csv.lines().count(), 4);
    // Another tenant has none of them, and no key is needed to say so.
    assert_eq!(bench.run("runs --cloud-id acme").exits(0).stdout, "no runs yet\n");
    let elsewhere = bench.run(&format!("show {} --cloud-id acme", ids(&bench)[0])).exits(3);
    assert!(elsewhere.stderr.contains("`https://emulator.localhost` has one"), "{elsewhere:#?}");
}

#[test]
fn a_run_is_shown_and_reported_as_it_ended() {
    let bench = Bench::new();
    bench.file("spec.yaml", SPEC);
    bench.file("bad.yaml", "networks: [{ name: lyon, egress: true }, { name: nice, egress: false }]\n");
    bench.run("apply -f spec.yaml --emulator --yes").exits(0);
    let then = bench.run("create networks -f bad.yaml --emulator -o json").exits(4).json();
    let shown = bench.run("show --emulator -o json").exits(0).json();
    assert_valid(&shown);
    for part in ["outcome", "counts", "succeeded", "failed", "run", "calls"] {
        assert_eq!(shown[part], then[part], "{part}");
    }
    let came = bench.run("report --emulator --report again.md --failures failed.yaml").exits(0);
    assert!(came.stdout.contains("connexa create networks -f failed.yaml --emulator"), "{came:#?}");
    assert!(std::fs::read_to_string(bench.path().join("again.md")).unwrap().contains("### Failed"));
    assert!(std::fs::read_to_string(bench.path().join("failed.yaml")).unwrap().contains("lyon"));

    // By the beginning of an id; one that is that of several, or of none, says so.
    let all = ids(&bench);
    assert_eq!(
        bench.run(&format!("show {} --emulator -o json", all[1])).exits(0).json()["run"]["command"],
        "apply"
    );
    let several = bench.run("show 0 --emulator").exits(3);
    assert!(several.stderr.contains("`0` is the beginning of 2 runs") && several.stderr.contains(&all[0]));
    assert_snapshot!(bench.run("show ffff --emulator").redacted(&bench), @r"
    exit 3
    --- stdout
    --- stderr
    error: https://emulator.localhost has no run `ffff`

    hint: `connexa runs` lists those that there are
    ");
}

#[test]
fn what_a_run_left_is_verified() {
    let bench = Bench::new();
    bench.file("spec.yaml", SPEC);
    bench.run("apply -f spec.yaml --emulator --yes").exits(0);
    let run = ids(&bench).remove(0);
    let verify = format!("verify {run} --emulator");
    let came = bench.run(&verify).exits(0);
    assert!(came.stdout.starts_with("verified: 3 changes are as run "), "{came:#?}");
    // One list for each kind that was touched.
    let document = bench.run(&format!("{verify} -o json")).exits(0).json();
    assert_valid(&document);
    assert_eq!((&document["outcome"], &document["calls"]["read"]), (&"complete".into(), &1.into()));

    bench.run("update networks lyon --set description=changed --emulator --yes").exits(0);
    bench.run("delete networks paris --emulator --yes").exits(0);
    assert_snapshot!(bench.run(&verify).redacted(&bench), @r"
    exit 4
    --- stdout
    error: 3 changes not as the run left them
      network `paris`: it is not there any more
      network_route `paris/10.20.0.0/16`: it is not there any more
      network `lyon`: it is not as the run left it: `description` differs
    0 changes are as run [ID] left them
    --- stderr
    ");
    let document = bench.run(&format!("{verify} -o json")).exits(4).json();
    assert_valid(&document);
    assert_eq!(
        keys(&document, "failed"),
        ["network/paris", "network_route/paris/10.20.0.0/16", "network/lyon"]
    );
    assert_eq!(document["failed"][0]["error_type"], "NotFound");
    assert_eq!(document["failed"][2]["error_type"], "Drifted");
    // A delete is verified by what is not there.
    bench.run("verify --emulator").exits(0);
}

#[test]
fn a_raw_call_is_recorded_without_what_it_says() {
    let bench = Bench::new();
    bench.file("body.json", r#"{"name": "canary-name", "egress": false}"#);
    bench.run("api GET /networks --emulator").exits(0);
    assert!(ids(&bench).is_empty());
    bench.run("api POST /networks?x=canary-query -f body.json --yes --emulator").exits(0);
    bench.run("api POST /nothing --yes --emulator").exits(4);
    let report = bench.run(&format!("show {} --emulator -o json", ids(&bench)[1])).exits(0).json();
    assert_valid(&report);
    assert_eq!(keys(&report, "succeeded"), ["api_call/POST /api/v1/networks"]);
    let report = bench.run("show --emulator -o json").exits(0).json();
    assert_eq!(keys(&report, "failed"), ["api_call/POST /api/v1/nothing"]);
    assert!(bench.run("undo --emulator --yes").exits(3).stderr.contains("is a raw call"));
    for file in bench.files().into_iter().filter(|file| file.starts_with(bench.state().join("journal"))) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"canary"), "{}", file.display());
    }
}
