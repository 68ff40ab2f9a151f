//! The sorts of things a stack consists of.

/// A sort of thing, in an order in which they can be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// One-shot schedules that end the stack's lifetime.
    Schedule,
    /// The group they are in.
    ScheduleGroup,
    /// The rule that fires the shop.
    Rule,
    /// Alarms.
    Alarm,
    /// Lambda functions.
    Function,
    /// SQS queues.
    Queue,
    /// ECS services.
    Service,
    /// Revisions of task definitions that can still be started.
    TaskDefinition,
    /// EC2 instances that are not terminated.
    Instance,
    /// Hosts registered with the cluster.
    ContainerInstance,
    /// ECS clusters.
    Cluster,
    /// EC2 Instance Connect Endpoints.
    Tunnel,
    /// VPC endpoints.
    Endpoint,
    /// EBS volumes.
    Volume,
    /// Elastic IP addresses.
    Address,
    /// Network interfaces in the stack's network, whoever made them.
    NetworkInterface,
    /// Rules of security groups, which can name one another's groups.
    SecurityGroupRule,
    /// Security groups but a VPC's default one.
    SecurityGroup,
    /// Subnets.
    Subnet,
    /// Route tables but a VPC's main one.
    RouteTable,
    /// Internet gateways.
    Gateway,
    /// VPCs.
    Vpc,
    /// Launch templates.
    LaunchTemplate,
    /// Key pairs.
    KeyPair,
    /// Instance profiles.
    Profile,
    /// IAM roles.
    Role,
    /// ECR repositories with their images.
    Repository,
    /// Secrets, also those that are to be deleted later.
    Secret,
    /// Log groups.
    LogGroup,
}

impl Kind {
    /// All of them, in the order of their removal.
    pub const ALL: [Self; 29] = [
        Self::Schedule,
        Self::ScheduleGroup,
        Self::Rule,
        Self::Alarm,
        Self::Function,
        Self::Queue,
        Self::Service,
        Self::TaskDefinition,
        Self::Instance,
        Self::ContainerInstance,
        Self::Cluster,
        Self::Tunnel,
        Self::Endpoint,
        Self::Volume,
        Self::Address,
        Self::NetworkInterface,
        Self::SecurityGroupRule,
        Self::SecurityGroup,
        Self::Subnet,
        Self::RouteTable,
        Self::Gateway,
        Self::Vpc,
        Self::LaunchTemplate,
        Self::KeyPair,
        Self::Profile,
        Self::Role,
        Self::Repository,
        Self::Secret,
        Self::LogGroup,
    ];

    /// For people, in the plural.
    pub fn title(self) -> &'static str {
        match self {
            Self::Schedule => "Schedules",
            Self::ScheduleGroup => "Schedule groups",
            Self::Rule => "Event rules",
            Self::Alarm => "Alarms",
            Self::Function => "Functions",
            Self::Queue => "Queues",
            Self::Service => "ECS services",
            Self::TaskDefinition => "Task definitions",
            Self::Instance => "Instances",
            Self::ContainerInstance => "Container instances",
            Self::Cluster => "ECS clusters",
            Self::Tunnel => "Instance Connect endpoints",
            Self::Endpoint => "VPC endpoints",
            Self::Volume => "Volumes",
            Self::Address => "Elastic IP addresses",
            Self::NetworkInterface => "Network interfaces",
            Self::SecurityGroupRule => "Security group rules",
            Self::SecurityGroup => "Security groups",
            Self::Subnet => "Subnets",
            Self::RouteTable => "Route tables",
            Self::Gateway => "Internet gateways",
            Self::Vpc => "VPCs",
            Self::LaunchTemplate => "Launch templates",
            Self::KeyPair => "Key pairs",
            Self::Profile => "Instance profiles",
            Self::Role => "Roles",
            Self::Repository => "Image repositories",
            Self::Secret => "Secrets",
            Self::LogGroup => "Log groups",
        }
    }
}
