//! The complaints that are known.
//!
//! The words are what Terraform 1.11, its AWS provider and AWS's API write, in lower case. The first row that fits
//! counts, so the more exact stands before the more general. `{action}` and `{profile}` stand for what the complaint or the
//! environment names.

/// A complaint that is known: the words it is told by (any of them), what it means, and what mends it.
pub(super) struct Known {
    pub(super) words: &'static [&'static str],
    pub(super) sort: Sort,
    pub(super) what: &'static str,
    pub(super) remedy: &'static str,
}

/// What a caller does about it by itself, if anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Plain,
    AlreadyExists,
    StalePlan,
    Locked,
    Expired,
    Transient,
    StateDamaged,
}

const fn plain(words: &'static [&'static str], what: &'static str, remedy: &'static str) -> Known {
    Known { words, sort: Sort::Plain, what, remedy }
}

const fn sorted(sort: Sort, words: &'static [&'static str], what: &'static str, remedy: &'static str) -> Known {
    Known { words, sort, what, remedy }
}

pub(super) const KNOWN: &[Known] = &[
    plain(
        &["no space left on device", "disk quota exceeded"],
        "The disk is full",
        "Make room on the disk that holds the stack's folder, then run the command again: it resumes.",
    ),
    sorted(
        Sort::StateDamaged,
        &["unsupported state file format", "failed to load state", "error loading state", "unexpected end of json"],
        "Terraform's state is damaged",
        "Put the newest good copy from the root's folder state/ in its place, then run the command again.",
    ),
    plain(
        &["state snapshot was created by terraform", "plan file was created by terraform"],
        "The stack was last worked on by a newer Terraform",
        "Use that version of Terraform, or a later one.",
    ),
    sorted(
        Sort::Locked,
        &["error acquiring the state lock"],
        "Another Terraform is at work on this stack",
        "Wait for it to end, then run the command again.",
    ),
    sorted(
        Sort::StalePlan,
        &["saved plan is stale", "saved plan does not match the given state"],
        "Something was changed since the plan was made, so it was not applied",
        "Make a new plan and look at it.",
    ),
    plain(
        &["aws account id not allowed"],
        "The credentials belong to another AWS account than the stack",
        "Sign in to the stack's account, then run the command again. Nothing was touched.",
    ),
    sorted(
        Sort::Expired,
        &[
            "sso session has expired",
            "refresh cached sso token",
            "error loading sso token",
            "failed to refresh cached credentials",
            "unauthorizedssotoken",
            "invalidgrantexception",
            "cached sso token is expired",
        ],
        "The AWS sign-in has expired",
        "Run `aws sso login --profile {profile}`, then the command again: it resumes.",
    ),
    sorted(
        Sort::Expired,
        &["expiredtoken", "requestexpired", "token included in the request is expired", "token has expired"],
        "The AWS credentials have expired",
        "Renew them (with SSO: `aws sso login --profile {profile}`), then run the command again: it resumes.",
    ),
    plain(
        &[
            "no valid credential sources",
            "invalidclienttokenid",
            "signaturedoesnotmatch",
            "unrecognizedclientexception",
            "incompletesignature",
            "security token included in the request is invalid",
            "not able to validate the provided access credentials",
        ],
        "AWS does not accept the credentials",
        "Check the access key or the profile {profile}; a computer's clock that is wrong by minutes does this too. Then run \
         the command again.",
    ),
    plain(
        &["optinrequired", "region is not enabled", "is not enabled in this region"],
        "The AWS account has not switched this region or service on",
        "Switch it on in the account's settings, or choose another region.",
    ),
    plain(
        &["invalid aws region", "unknown region", "not a valid region"],
        "AWS has no such region",
        "Choose a region such as eu-west-1.",
    ),
    plain(
        &["unauthorizedoperation", "accessdenied", "not authorized to perform", "authorizationerror"],
        "The AWS credentials do not allow {action}",
        "Have {action} allowed, by whoever manages the account, then run the command again: it resumes. \
         `retailflow doctor --target aws` lists everything that is needed.",
    ),
    plain(
        &["vcpulimitexceeded", "instancelimitexceeded"],
        "The account's quota of virtual processors is used up",
        "Ask for more under Service Quotas (Amazon EC2, “Running On-Demand Standard instances”, L-1216C47A), or choose \
         smaller hosts. Then run the command again: it resumes.",
    ),
    plain(
        &["addresslimitexceeded"],
        "The account's quota of Elastic IP addresses is used up",
        "Release one, or ask for more under Service Quotas (Amazon EC2, L-0263D0A3). Then run the command again: it \
         resumes.",
    ),
    plain(
        &["vpclimitexceeded"],
        "The region's quota of VPCs is used up",
        "Remove one, ask for more under Service Quotas (Amazon VPC, L-F678F1CE), or choose another region. Then run the \
         command again: it resumes.",
    ),
    sorted(
        Sort::Transient,
        &["throttling", "rate exceeded", "requestlimitexceeded", "slowdown", "toomanyrequests", "too many requests"],
        "AWS asked to be asked less often",
        "Run the command again in a minute: it resumes.",
    ),
    plain(
        &["limitexceeded", "servicequotaexceeded", "quota exceeded"],
        "A quota of the AWS account is used up",
        "Ask for more under Service Quotas, or remove what uses it up. Then run the command again: it resumes.",
    ),
    sorted(
        Sort::Transient,
        &["insufficientinstancecapacity", "insufficient capacity"],
        "AWS has no such instance to give at the moment",
        "Run the command again in some minutes, or choose another size for that host: it resumes.",
    ),
    plain(
        &["your requested instance type", "not supported in your requested availability zone"],
        "This region has no instance of that size",
        "Choose another size for that host, or another region.",
    ),
    plain(
        &["already scheduled for deletion", "scheduled for deletion"],
        "A secret of that name is still being deleted",
        "Delete it for good (`aws secretsmanager delete-secret --force-delete-without-recovery`), then run the command \
         again: it resumes.",
    ),
    sorted(
        Sort::AlreadyExists,
        &[
            "alreadyexists",
            "already exists",
            "resourceexistsexception",
            "alreadyownedbyyou",
            "invalidgroup.duplicate",
            "invalidkeypair.duplicate",
            "function already exist",
            "alreadyassociated",
            "not idempotent",
        ],
        "Something of that name is in AWS already",
        "What the stack made itself is taken over, so it is somebody else's: remove it, or give the stack another name.",
    ),
    plain(
        &[
            "dependencyviolation",
            "has dependencies and cannot be deleted",
            "deleteconflict",
            "currently in use",
            "resourceinuse",
        ],
        "AWS still uses what is to be removed",
        "Network interfaces of a removed function can take over 20 minutes to go. Run the command again then: it resumes.",
    ),
    plain(
        &["checksums previously recorded", "checksum list", "inconsistent dependency lock file", "cached package"],
        "A provider is not the one that was used before",
        "If no proxy changes downloads, remove .terraform.lock.hcl from the root's folder, then run the command again.",
    ),
    plain(
        &["failed to query available provider", "failed to install provider", "could not connect to registry"],
        "Terraform's provider could not be downloaded",
        "Check the network (behind a proxy set HTTPS_PROXY), or name a mirror in a Terraform configuration file. Then run \
         the command again: what was downloaded is kept.",
    ),
    sorted(
        Sort::Transient,
        &[
            "no such host",
            "connection refused",
            "connection reset",
            "network is unreachable",
            "i/o timeout",
            "tls handshake timeout",
            "request send failed",
            "unexpected eof",
            "internalerror",
            "serviceunavailable",
            "statuscode: 500",
            "statuscode: 502",
            "statuscode: 503",
        ],
        "AWS did not answer as it should",
        "Check the network (behind a proxy set HTTPS_PROXY), then run the command again: it resumes.",
    ),
    plain(
        &[
            "plugin did not respond",
            "plugin crashed",
            "failed to start plugin",
            "failed to instantiate provider",
            "transport is closing",
        ],
        "Terraform's provider crashed",
        "Run the command again: what was finished is kept. If it happens again, its log says where.",
    ),
];
