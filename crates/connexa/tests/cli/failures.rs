//! What did not succeed is written in the input's own format, to be mended and applied.

use crate::{
    support::{assert_valid, keys},
    tenant::{OBJECTS, Tenant},
};
use std::{fs, path::Path};

#[test]
fn a_row_of_csv_that_failed_is_mended_and_applied() {
    let tenant = Tenant::with(OBJECTS);
    let rows = "network,subnet,_ticket,description\n\
                rome,10.30.0.0/16,7,\n\
                oslo,100.112.7.0/24,8,\n\
                paris,10.21.0.0/16,9,\"'=new, \"\"hall\"\"\"\n";
    tenant.bench.file("network_routes.csv", rows);
    let report = tenant.run("apply -f network_routes.csv -y -o json").exits(4).json();
    assert_valid(&report);
    assert_eq!(keys(&report, "failed"), ["network_route/oslo/100.112.7.0/24"]);

    let file = report["failures_file"].as_str().unwrap();
    assert_eq!(Path::new(file).extension().unwrap(), "csv");
    let text = fs::read_to_string(file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "kind,network,subnet,description,_error");
    assert!(lines[1].starts_with("network_route,oslo,100.112.7.0/24,,"), "{text}");
    assert_eq!(lines.len(), 2, "{text}");

    fs::write(file, text.replace("100.112.7.0/24", "10.31.0.0/16")).unwrap();
    tenant.calls();
    let mended = tenant.run(&format!("apply -f {file} -y -o json")).exits(0).json();
    assert_eq!(keys(&mended, "succeeded"), ["network_route/oslo/10.31.0.0/16"]);
    assert_eq!(tenant.updates(), ["POST /networks/routes"]);
    let now = tenant.run("get network-routes -o csv").exits(0).stdout;
    assert!(now.contains("\"'=new, \"\"hall\"\"\""), "{now}");
}

#[test]
fn rows_of_a_batch_that_are_not_valid_come_back_with_their_columns() {
    let tenant = Tenant::with(OBJECTS);
    let rows = "username;email;group;devices\n\
                dan;dan@example.com;interns;\n\
                eve;eve@example.com;nobodies;laptop|phone\n\
                fay;fay@example.com;;'-desk\n";
    tenant.bench.file("new.csv", rows);
    let report = tenant.run("create users -f new.csv -y -o json --failures left.csv").exits(4).json();
    assert_valid(&report);
    let failed = keys(&report, "failed");
    assert!(failed.contains(&"user/eve".to_owned()), "{failed:?}");
    let text = fs::read_to_string(tenant.bench.path().join("left.csv")).unwrap();
    assert!(text.starts_with("kind,username,email,group,devices,_error\n"), "{text}");
    tenant.bench.file("left.csv", &text.replace("nobodies", "interns"));
    let mended = tenant.run("create users -f left.csv -y -o json").json();
    let made = keys(&mended, "succeeded");
    for key in ["user/eve", "device/eve/laptop", "device/eve/phone"] {
        assert!(made.contains(&key.to_owned()), "{key}: {made:?}");
    }
}
