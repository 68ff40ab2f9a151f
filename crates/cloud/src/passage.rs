//! The way to a host. None of its ports is open: a tunnel leads there that AWS opens for who may call its API, and the
//! login at its end is admitted for a minute.

use std::time::{Duration, SystemTime};

use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_ec2::Client as Ec2;
use aws_sdk_ec2::types::{Ec2InstanceConnectEndpointState, Filter, InstanceStateName, Reservation};
use aws_sdk_ec2instanceconnect::Client as InstanceConnect;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::Failure;

use crate::failure::{Answer, Refusal};
use crate::session::Session;
use crate::sweep::TAG;

/// Who logs in at a host.
pub const USER: &str = "ec2-user";

const SSH_PORT: &str = "22";

/// How long the address of a tunnel can be used to open it.
const ADDRESS_LASTS: Duration = Duration::from_mins(1);

/// How long a tunnel may stay open, in seconds: as long as AWS allows.
const TUNNEL_LASTS: &str = "3600";

/// A host that runs, and what is needed to reach it and to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The instance.
    pub instance_id: String,
    /// Its SSH keys as it told them on its console, one in OpenSSH's form each: whoever shows another is not the host.
    pub host_keys: Vec<String>,
    address: String,
    endpoint_id: String,
    endpoint: String,
}

impl Session {
    /// The way to the host of a role, for example `postgres`.
    pub async fn passage(&self, stack: &str, role: &str) -> Result<Passage, Failure> {
        let told = |refusal: Refusal| refusal.failure(self.place());
        let ec2 = Ec2::new(&self.config);
        let (instance_id, address) = host(&ec2, stack, role).await.map_err(told)?.ok_or_else(|| {
            Failure::environment(format!("The host of {role} does not run")).hint("`retailflow up` makes or starts it.")
        })?;
        let (endpoint_id, endpoint) = endpoint(&ec2, stack).await.map_err(told)?.ok_or_else(|| {
            Failure::environment("The way to the stack's hosts is not open")
                .cause("its EC2 Instance Connect Endpoint is missing or still being made")
                .hint("It takes a few minutes after `retailflow up` began; if it is missing, `retailflow up` makes it.")
        })?;
        let host_keys = host_keys(&console(&ec2, &instance_id).await.map_err(told)?);
        if host_keys.is_empty() {
            return Err(Failure::environment(format!("The host of {role} cannot be known yet"))
                .cause(format!("{instance_id} has not told its SSH keys on its console"))
                .hint("A host tells them some minutes after its start, and nobody is trusted without them; wait."));
        }
        Ok(Passage { instance_id, host_keys, address, endpoint_id, endpoint })
    }

    /// Lets the holder of an SSH key log in as [`USER`] for a minute.
    pub async fn admit(&self, passage: &Passage, public_key: &str) -> Result<(), Failure> {
        let call = InstanceConnect::new(&self.config).send_ssh_public_key();
        let call = call.instance_id(&passage.instance_id).instance_os_user(USER).ssh_public_key(public_key);
        let answer = call.send().await.told("AWS did not admit this computer to a host");
        answer.map(drop).map_err(|refusal| refusal.failure(self.place()))
    }

    /// The WebSocket address that opens the tunnel, once and within a minute: it is signed, so show it to nobody.
    ///
    /// Source: `aws ec2-instance-connect open-tunnel` of AWS's command line, which signs the same query.
    pub async fn tunnel_address(&self, passage: &Passage) -> Result<String, Failure> {
        let query = [
            ("instanceConnectEndpointId", passage.endpoint_id.as_str()),
            ("maxTunnelDuration", TUNNEL_LASTS),
            ("privateIpAddress", &passage.address),
            ("remotePort", SSH_PORT),
        ];
        let query: Vec<_> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        // Only a stand-in of this computer's own is spoken to without TLS.
        let scheme = if passage.endpoint.starts_with("127.0.0.1:") { "ws" } else { "wss" };
        let address = format!("{scheme}://{}/openTunnel?{}", passage.endpoint, query.join("&"));
        self.sign(&address)
            .await
            .map_err(|cause| Failure::environment("The request for a tunnel could not be signed").source(&*cause))
    }

    /// An address with a signature that proves whose credentials ask.
    async fn sign(&self, address: &str) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
        let provider = self.config.credentials_provider().ok_or("there are no credentials")?;
        let identity = provider.provide_credentials().await?.into();
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(ADDRESS_LASTS);
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(&self.place().region)
            .name("ec2-instance-connect")
            .time(SystemTime::now())
            .settings(settings)
            .build()?
            .into();
        let signable = SignableRequest::new("GET", address, std::iter::empty(), SignableBody::Bytes(&[]))?;
        let (instructions, _) = sign(signable, &parameters)?.into_parts();
        let mut request = http::Request::builder().uri(address).body(())?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(request.uri().to_string())
    }
}

/// The id and private address of a role's host, if it runs.
async fn host(ec2: &Ec2, stack: &str, role: &str) -> Result<Option<(String, String)>, Refusal> {
    let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
    let call = ec2
        .describe_instances()
        .filters(filter(&format!("tag:{TAG}"), stack))
        .filters(filter("tag:Name", &format!("{stack}-{role}")))
        .filters(filter("instance-state-name", InstanceStateName::Running.as_str()));
    let found = call.send().await.told("AWS did not tell of the hosts")?;
    let mut hosts = found.reservations().iter().flat_map(Reservation::instances);
    Ok(hosts.find_map(|host| Some((host.instance_id()?.to_owned(), host.private_ip_address()?.to_owned()))))
}

/// The id and address of the stack's endpoint, if it is ready.
async fn endpoint(ec2: &Ec2, stack: &str) -> Result<Option<(String, String)>, Refusal> {
    let ours = Filter::builder().name(format!("tag:{TAG}")).values(stack).build();
    let call = ec2.describe_instance_connect_endpoints().filters(ours);
    let found = call.send().await.told("AWS did not tell of the way to the hosts")?;
    let ready = |state: Option<&Ec2InstanceConnectEndpointState>| {
        state == Some(&Ec2InstanceConnectEndpointState::CreateComplete)
    };
    let mut endpoints = found.instance_connect_endpoints().iter().filter(|one| ready(one.state()));
    Ok(endpoints.find_map(|one| Some((one.instance_connect_endpoint_id()?.to_owned(), one.dns_name()?.to_owned()))))
}

/// What a host wrote on its console lately.
async fn console(ec2: &Ec2, instance_id: &str) -> Result<String, Refusal> {
    let call = ec2.get_console_output().instance_id(instance_id).latest(true);
    let answer = call.send().await.told("AWS did not show a host's console")?;
    let bytes = answer.output().and_then(|text| STANDARD.decode(text.trim()).ok()).unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The keys of the last whole block on a console. Source of its form: cloud-init's `keys-to-console`.
fn host_keys(console: &str) -> Vec<String> {
    const BEGIN: &str = "-----BEGIN SSH HOST KEY KEYS-----";
    const END: &str = "-----END SSH HOST KEY KEYS-----";
    let Some((before, _)) = console.rsplit_once(END) else { return Vec::new() };
    let Some((_, block)) = before.rsplit_once(BEGIN) else { return Vec::new() };
    let key = |line: &str| {
        // Whatever else writes to a console may write into this one's lines.
        let mut words =
            line.split_whitespace().skip_while(|word| !word.starts_with("ssh-") && !word.starts_with("ecdsa-"));
        Some(format!("{} {}", words.next()?, words.next()?))
    };
    block.lines().filter_map(key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_the_last_block_are_the_hosts() {
        let console = "[    1.0] booting\r\n\
            -----BEGIN SSH HOST KEY KEYS-----\r\nssh-ed25519 AAAAold root@ip\r\n-----END SSH HOST KEY KEYS-----\r\n\
            -----BEGIN SSH HOST KEY KEYS-----\r\n\
            ecdsa-sha2-nistp256 AAAAE2 root@ip\r\n\
            [   12.5] cloud-init[1]: ssh-ed25519 AAAAC3 root@ip\r\n\
            -----END SSH HOST KEY KEYS-----\r\nlogin: \r\n\
            -----BEGIN SSH HOST KEY KEYS-----\r\nssh-ed25519 AAAAcut";
        assert_eq!(host_keys(console), ["ecdsa-sha2-nistp256 AAAAE2", "ssh-ed25519 AAAAC3"]);
        assert_eq!(host_keys("[    1.0] booting\r\n"), Vec::<String>::new());
    }
}
