use super::*;
use crate::message::{Kind, Message};

const SCENE: Scene<'_> = Scene { verb: "apply", profile: Some("work") };

fn error(summary: &str, detail: &str) -> Diagnostic {
    Diagnostic {
        severity: "error".into(),
        summary: summary.into(),
        detail: detail.into(),
        address: Some("aws_vpc.this".into()),
    }
}

fn trouble(summary: &str, detail: &str) -> Trouble {
    SCENE.trouble(&Ended { errors: vec![error(summary, detail)], ..Ended::default() })
}

/// Words as the AWS provider and the API write them, and what a person should read.
#[test]
fn known_complaints_are_told_in_plain_words() {
    let aws = |code: &str| {
        format!(
            "operation error EC2: RunInstances, https response error StatusCode: 400, RequestID: 5f, api error {code}"
        )
    };
    for (said, expected) in [
        (aws("InsufficientInstanceCapacity: We currently do not have sufficient capacity"), "no such instance to give"),
        (aws("VcpuLimitExceeded: You have requested more vCPU capacity"), "virtual processors"),
        (aws("AddressLimitExceeded: The maximum number of addresses has been reached."), "Elastic IP"),
        (aws("VpcLimitExceeded: The maximum number of VPCs has been reached."), "quota of VPCs"),
        (aws("RequestLimitExceeded: Request limit exceeded."), "less often"),
        (aws("DependencyViolation: The vpc 'vpc-1' has dependencies"), "still uses"),
        (aws("InvalidClientTokenId: The security token included in the request is invalid."), "does not accept"),
        (aws("ServiceQuotaExceededException: too many"), "A quota"),
        (aws("Unsupported: Your requested instance type (t3.large) is not supported"), "no instance of that size"),
        ("Invalid AWS Region: eu-west-9".to_owned(), "no such region"),
        ("AWS account ID not allowed: 123456789012".to_owned(), "another AWS account"),
        ("Failed to query available provider packages".to_owned(), "could not be downloaded"),
        (
            "Failed to install provider: doesn't match any of the checksums previously recorded".to_owned(),
            "not the one",
        ),
        ("write terraform.tfstate: no space left on device".to_owned(), "disk is full"),
        (
            "request send failed, dial tcp: lookup ec2.eu-west-1.amazonaws.com: no such host".to_owned(),
            "did not answer",
        ),
    ] {
        let failure = trouble("creating", &said).failure;
        assert!(failure.summary.contains(expected), "{said}: {failure:?}");
        assert!(failure.hint.is_some() && failure.causes[0].starts_with("aws_vpc.this: "), "{failure:?}");
    }
}

#[test]
fn what_callers_branch_on_is_typed() {
    assert_eq!(trouble("Saved plan is stale", "").cause, Some(Cause::StalePlan));
    assert_eq!(
        trouble("Error acquiring the state lock", "resource temporarily unavailable").cause,
        Some(Cause::Locked)
    );
    let damaged = "Error message: Unsupported state file format: could not be parsed as JSON";
    assert_eq!(trouble("Error acquiring the state lock", damaged).cause, Some(Cause::StateDamaged));
    assert_eq!(trouble("reading", "ExpiredToken: The security token is expired").cause, Some(Cause::Expired));
    assert_eq!(trouble("reading", "ThrottlingException: Rate exceeded").cause, Some(Cause::Transient));
    assert_eq!(trouble("creating", "AccessDenied").cause, None);
    assert_eq!(trouble("something new", "").cause, None);
}

#[test]
fn everything_that_exists_already_is_listed_once() {
    let mut role = error("creating", "EntityAlreadyExists: Role with name x already exists.");
    role.address = Some("aws_iam_role.x".into());
    let repository = error("creating", "RepositoryAlreadyExistsException: The repository exists");
    let denied = error("creating", "AccessDenied");
    let ended = Ended { errors: vec![repository, denied, role], ..Ended::default() };
    let expected = Cause::AlreadyExists { addresses: vec!["aws_vpc.this".into(), "aws_iam_role.x".into()] };
    assert_eq!(SCENE.trouble(&ended).cause, Some(expected));
}

#[test]
fn the_refused_action_and_the_profile_are_named() {
    let refused = |text: &str| trouble("creating", text).failure.summary;
    let iam = "AccessDenied: User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:CreateRole on resource: arn";
    assert_eq!(refused(iam), "The AWS credentials do not allow iam:CreateRole");
    let ec2 = "operation error EC2: RunInstances, https response error StatusCode: 403, api error UnauthorizedOperation: You are not authorized to perform this operation.";
    assert_eq!(refused(ec2), "The AWS credentials do not allow ec2:RunInstances");
    let logs = "operation error CloudWatch Logs: CreateLogGroup, api error AccessDeniedException";
    assert_eq!(refused(logs), "The AWS credentials do not allow logs:CreateLogGroup");
    assert_eq!(refused("AccessDenied"), "The AWS credentials do not allow what is needed");
    let hint = trouble("reading", "the SSO session has expired or is invalid").failure.hint.unwrap();
    assert!(hint.contains("aws sso login --profile work"), "{hint}");
}

#[test]
fn one_that_said_nothing_is_not_taken_for_a_success() {
    let silent = Ended { text: vec!["panic: runtime error".into()], ..Ended::default() };
    assert!(!silent.succeeded() && !Ended::default().succeeded());
    let failure = SCENE.trouble(&silent).failure;
    assert!(
        failure.summary.contains("without saying why") && failure.causes == ["panic: runtime error"],
        "{failure:?}"
    );
    let full = Ended { text: vec!["fork: No space left on device".into()], ..Ended::default() };
    assert_eq!(SCENE.trouble(&full).failure.summary, "The disk is full");
}

#[test]
fn an_interrupted_command_was_cancelled_and_keeps_what_went_wrong_besides() {
    let mut ended = Ended::default();
    for line in include_str!("../../tests/samples/td_sigint.jsonl").lines() {
        ended.take(&Message::read(line));
    }
    let failure = SCENE.trouble(&ended).failure;
    assert_eq!(failure.code, Some(protocol::Code::Cancelled));
    assert_eq!(failure.causes.len(), 1, "“execution halted” is no news: {failure:?}");
    assert!(failure.causes[0].contains("local-exec"));
}

#[test]
fn a_real_complaint_is_understood() {
    let mut ended = Ended::default();
    include_str!("../../tests/samples/b_apply_error.jsonl").lines().for_each(|line| ended.take(&Message::read(line)));
    let expected = Cause::AlreadyExists { addresses: vec!["aws_ecr_repository.first".into()] };
    assert_eq!(SCENE.trouble(&ended).cause, Some(expected));
    let locked = include_str!("../../tests/samples/b_locked.jsonl").lines().last().unwrap();
    let Kind::Diagnostic { diagnostic } = Message::read(locked).kind else { panic!("not a diagnostic") };
    assert_eq!(known(&diagnostic).map(|known| known.sort), Some(Sort::Locked));
}

#[test]
fn a_quotation_has_an_end() {
    assert!(trouble("x", &"ä".repeat(10_000)).failure.causes[0].chars().count() <= LONGEST + 1);
}

/// No row is hidden by one before it.
#[test]
fn every_row_can_be_reached() {
    for row in KNOWN {
        let reached =
            row.words.iter().filter(|word| known(&error(word, "")).is_some_and(|found| found.what == row.what));
        assert!(reached.count() > 0, "“{}” never comes to be said", row.what);
        assert!(row.words.iter().all(|word| *word == word.to_lowercase()), "{:?}", row.words);
    }
}
