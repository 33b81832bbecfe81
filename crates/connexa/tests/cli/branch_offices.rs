//! The story of the README: 25 offices, one route refused, mended, and nothing left to do.

use crate::support::{Bench, EXAMPLES, assert_valid, keys};
use std::fs;

const LIMITS: &str = "--emulator --emulator-limits 20:10:1";

#[test]
fn one_office_is_refused_mended_and_made() {
    let bench = Bench::new();
    let spec = format!("{EXAMPLES}/branch-offices.yaml");

    let first = bench.run(&format!("apply -f {spec} {LIMITS} --yes --report report.json")).exits(4);
    assert!(
        first.stdout.contains(
            "create network_route `lyon/100.112.7.0/24`: rejected by the API, nothing of it was made"
        ),
        "{first:#?}"
    );
    assert!(first.stdout.contains("100.112.7.0/24"), "{first:#?}");
    let report = serde_json::from_slice(&fs::read(bench.path().join("report.json")).unwrap()).unwrap();
    assert_valid(&report);
    // The route alone fails; its office is made without it.
    let refused = ["network_route/lyon/100.112.7.0/24"];
    assert_eq!(keys(&report, "failed"), refused);
    assert_eq!(report["outcome"], "partial");
    assert_eq!(report["calls"]["throttled"], 0);
    // One call for each network, group, user and record, and one more for the office whose first call was refused.
    assert_eq!(report["calls"]["update"], 25 + 3 + 8 + 7 + 1);
    assert_eq!(report["succeeded"].as_array().unwrap().len(), 155 - 1);

    // The second run finds nothing to do but that route.
    let second = bench.run(&format!("apply -f {spec} {LIMITS} --yes -o json")).exits(4).json();
    assert_valid(&second);
    assert_eq!(keys(&second, "failed"), refused);
    assert_eq!(second["calls"]["update"], 1);
    let changed = second["succeeded"].as_array().unwrap().iter().filter(|c| c["action"] != "no-op").count();
    assert_eq!(changed, 0);

    // What failed is written as a spec, which can be mended and applied.
    let failures = second["failures_file"].as_str().unwrap();
    let text = fs::read_to_string(failures).unwrap();
    assert!(text.contains("_error"), "{text}");
    let plan = bench.run(&format!("plan -f {failures} {LIMITS} -o json")).exits(0).json();
    let acting = |c: &&serde_json::Value| c["action"] != "no-op";
    assert_eq!(plan["changes"].as_array().unwrap().iter().filter(acting).count(), 1);
    fs::write(failures, text.replace("100.112.7.0/24", "10.14.7.0/24")).unwrap();
    let mended = bench.run(&format!("apply -f {failures} {LIMITS} --yes -o json")).exits(0).json();
    assert_eq!(mended["calls"]["update"], 1);

    let whole = fs::read_to_string(&spec).unwrap().replace("100.112.7.0/24", "10.14.7.0/24");
    bench.file("mended.yaml", &whole);
    let last = bench.run(&format!("apply -f mended.yaml {LIMITS} -o json")).exits(0).json();
    assert_eq!(last["calls"]["update"], 0);
    assert_eq!(last["outcome"], "complete");
}

#[test]
fn the_report_reads_well() {
    let bench = Bench::new();
    let spec = "\
networks:
  - name: paris
    egress: false
    connectors: [{ name: paris-1, region: eu-central-1 }]
    routes: [10.20.0.0/16]
  - name: lyon
    egress: false
    connectors: [{ name: lyon-1, region: eu-central-1 }]
    routes: [10.21.0.0/16, { subnet: 100.112.7.0/24, description: lab }]
";
    bench.file("offices.yaml", spec);
    let came = bench.run("apply -f offices.yaml --emulator --yes");
    insta::assert_snapshot!(came.redacted(&bench), @r"
    exit 4
    --- stdout
    error: 1 of 7 changes failed; 6 succeeded
      create network_route `lyon/100.112.7.0/24`: rejected by the API, nothing of it was made (status 400, 1 attempt)
        subnet: The route overlaps the subnet 100.96.0.0/11 of the service
        at offices.yaml:9

      kind               succeeded  failed
      network                    2       0
      network_connector          2       0
      network_route              2       1

    calls: 3 update (a call per object: 7), 4 read
    time:  [N] s
    run:   [ID]

    hint: what did not succeed is written as a spec; mend it, then apply it:
      [DIR]/state/failures/[ID].yaml
      connexa apply -f [DIR]/state/failures/[ID].yaml --emulator

    hint: what was done can be taken back:
      connexa undo [ID] --emulator
    --- stderr
    note: the emulator keeps its tenant in `[DIR]/state/emulator.db`; to start over:
      rm -f [DIR]/state/emulator.db*
    plan for https://emulator.localhost: 7 changes

      kind               create
      network                 2
      network_connector       2
      network_route           3

    calls: 2 update (a call per object: 7), 2 read
    time:  about [N] s (rate limit assumed)

    0 of 7 changes done, 2 calls left
    7 of 7 changes done, 1 failed, [N]/s
    ");
}
