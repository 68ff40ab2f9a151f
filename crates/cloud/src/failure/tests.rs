use super::*;

fn place() -> AwsPlace {
    AwsPlace { access: AwsAccess::Profile { name: "work".into() }, region: "eu-central-1".into() }
}

fn answered_with(code: &str, message: &str) -> Refusal {
    Refusal::read("it failed", None, code, Some(message), || unreachable!("AWS answered"))
}

fn unanswered_with(chain: &str) -> Refusal {
    Refusal::read("it failed", None, "", None, || chain.to_owned())
}

#[test]
fn every_service_has_its_own_word_for_the_same_reason() {
    for (reason, codes) in [
        (
            Reason::Gone,
            &[
                "InvalidVpcID.NotFound",
                "ResourceNotFoundException",
                "NoSuchEntity",
                "ClusterNotFoundException",
                "AWS.SimpleQueueService.NonExistentQueue",
            ][..],
        ),
        (
            Reason::InUse,
            &[
                "DependencyViolation",
                "DeleteConflict",
                "ResourceInUseException",
                "ClusterContainsTasksException",
                "VolumeInUse",
            ],
        ),
        (Reason::Throttled, &["RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException"]),
        (Reason::Quota, &["VpcLimitExceeded", "ServiceQuotaExceededException", "LimitExceeded"]),
        (Reason::Denied, &["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"]),
        (Reason::Expired, &["ExpiredToken", "ExpiredTokenException", "RequestExpired"]),
        (Reason::Broken, &["InternalFailure", "ServiceUnavailable", "ServerException"]),
        (Reason::Other, &["InvalidParameterValue", "ValidationException"]),
    ] {
        for code in codes {
            assert_eq!(answered(code, "no"), reason, "{code}");
        }
    }
}

#[test]
fn what_needs_the_same_signature_is_told_apart_by_its_words() {
    assert_eq!(answered("SignatureDoesNotMatch", "Signature expired: 1 is now earlier than 2"), Reason::Skewed);
    assert_eq!(answered("SignatureDoesNotMatch", "The signature we calculated does not match"), Reason::Unknown);
    assert_eq!(answered("InvalidParameterValue", "Network interface 'eni-1' is currently in use"), Reason::InUse);
}

#[test]
fn a_denied_action_is_named_and_its_blob_left_out() {
    let refusal = answered_with(
        "UnauthorizedOperation",
        "You are not authorized to perform this operation. User: arn:aws:iam::1:user/x is not authorized to perform: \
         ec2:RunInstances on resource: arn:aws:ec2:::instance/* because no policy allows it. Encoded authorization \
         failure message: QUJD",
    );
    assert_eq!(refusal.denied_action(), Some("ec2:RunInstances"));
    let failure = refusal.failure(&place());
    assert!(failure.hint.as_ref().unwrap().contains("allow ec2:RunInstances"), "{failure:?}");
    assert!(!failure.causes[0].contains("QUJD"), "{failure:?}");
    assert!(answered_with("AccessDenied", "no").remedy(&place()).contains("permission"));
}

#[test]
fn each_reason_has_its_remedy() {
    let remedy = |refusal: Refusal| refusal.remedy(&place());
    assert!(remedy(answered_with("ExpiredToken", "old")).contains("aws sso login --profile work"));
    assert!(remedy(answered_with("RequestTimeTooSkewed", "late")).contains("clock"));
    assert!(remedy(answered_with("InvalidClientTokenId", "who")).contains("eu-central-1 is enabled"));
    assert!(remedy(answered_with("Throttling", "slow")).contains("minute"));
    assert!(remedy(answered_with("VpcLimitExceeded", "many")).contains("Service Quotas"));
}

#[test]
fn without_an_answer_the_chain_tells() {
    for (chain, reason) in [
        (
            "dispatch failure: other: an error occurred while loading credentials: the SSO token has expired and cannot be refreshed",
            Reason::Expired,
        ),
        (
            "dispatch failure: other: the credential provider was not enabled: no providers in chain provided credentials",
            Reason::NoCredentials,
        ),
        ("dispatch failure: other: profile `work` was not defined: …", Reason::NoCredentials),
        (
            "dispatch failure: io error: client error (Connect): dns error: failed to lookup address information",
            Reason::Unreachable,
        ),
        ("dispatch failure: timeout: HTTP connect timeout occurred after 10s", Reason::Late),
    ] {
        assert_eq!(unanswered_with(chain).reason, reason, "{chain}");
    }
    let failure = unanswered_with("dispatch failure: io error: dns error").failure(&place());
    assert_eq!(failure.causes, ["dispatch failure: io error: dns error"]);
    assert!(failure.hint.unwrap().contains("eu-central-1 is a region"));
}
