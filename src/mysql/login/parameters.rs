//! The parameters of Connector/J and of MariaDB's connector by what becomes of them, in lower case.
//!
//! Source: Connector/J 5.1 and 8.0 "Configuration Properties", MariaDB Connector/J 2.7 and 3.1.

use crate::config;

/// Those that are honoured.
const HONOURED: &str = "\
    allowpublickeyretrieval connectioncollation connectiontimezone connecttimeout forceconnectiontimezonetosession \
    password requiressl servertimezone sessionvariables sockettimeout sslmode timezone tinyint1isbit \
    trustservercertificate user usessl verifyservercertificate zerodatetimebehavior";

/// Those that change what is read, or who is talked to, in a way that is not offered here.
const REFUSED: &str = "\
    allowurlinlocalinfile authenticationplugins blobsarestrings clientinfoprovider connectionlifecycleinterceptors \
    createdatabaseifnotexist customcharsetmapping disabledauthenticationplugins disablesslhostnameverification \
    dnssrv emptystringsconverttozero functionsneverreturnblobs localsocket localsocketaddress maxrows \
    padcharswithspace pipe propertiestransform queryinterceptors serverrsapublickeyfile socketfactory socksproxyhost \
    socksproxyport socksproxyremotedns useblobtostoreutf8outsidebmp useconfigs usedynamiccharsetinfo";

/// Those that say nothing here: tuning, logging, high availability, encodings (text is always Unicode).
const HARMLESS: &str = "\
    allowloadlocalinfile allowmasterdownconnections allowmultiqueries allownanandinf allowreplicadownconnections \
    allowslavedownconnections allowsourcedownconnections alwayssendsetisolation assurereadonly autoclosepstmtstreams \
    autodeserialize autoreconnect autoreconnectforpools autoslowlog blobsendchunksize cachecallablestmts \
    cachedefaulttimezone cacheprepstmts cacheresultsetmetadata cacheserverconfiguration callablestmtcachesize \
    characterencoding charactersetresults clobberstreamingresults clobcharacterencoding \
    compensateonduplicatekeyupdatecounts connectionattributes continuebatchonerror databaseterm \
    defaultauthenticationplugin defaultfetchsize detectcustomcollations disconnectonexpiredpasswords \
    dontcheckonduplicatekeyupdateinsql donttrackopenresources dumpqueriesonexception elidesetautocommits \
    emulatelocators emulateunsupportedpstmts enabledsslprotocolsuites enabledtlsprotocols enableescapeprocessing \
    enablepacketdebug enablequerytimeouts exceptioninterceptors explainslowqueries failoverreadonly \
    fallbacktosystemkeystore fallbacktosystemtruststore gatherperfmetrics generatesimpleparametermetadata \
    getproceduresreturnsfunctions ha.enablejmx ha.loadbalancestrategy holdresultsopenoverstatementclose \
    ignorenontxtables includeinnodbstatusindeadlockexceptions includethreaddumpindeadlockexceptions \
    includethreadnamesasstatementcomment initialtimeout interactiveclient jdbccomplianttruncation \
    largerowsizethreshold loadbalanceautocommitstatementregex loadbalanceautocommitstatementthreshold \
    loadbalanceblacklisttimeout loadbalanceblocklisttimeout loadbalanceconnectiongroup loadbalanceexceptionchecker \
    loadbalancehostremovalgraceperiod loadbalancepingtimeout loadbalancesqlexceptionsubclassfailover \
    loadbalancesqlstatefailover loadbalancevalidateconnectiononswapserver locatorfetchbuffersize log logger \
    logslowqueries logxacommands maintaintimestats maxallowedpacket maxpoolsize maxquerysizetolog maxreconnects \
    metadatacachesize minpoolsize nettimeoutforstreamingresults noaccesstoprocedurebodies nodatetimestringsync \
    nullcatalogmeanscurrent nulldatabasemeanscurrent nullnamepatternmatchesall \
    overridesupportsintegrityenhancementfacility packetdebugbuffersize paranoid parseinfocachefactory \
    passwordcharacterencoding pedantic permitmysqlscheme pinglobaltxtophysicalconnection pool poolname \
    populateinsertrowwithdefaultvalues prepstmtcachesize prepstmtcachesqllimit preserveinstants \
    processescapecodesforprepstmts profilereventhandler profilesql queriesbeforeretrymaster queriesbeforeretrysource \
    querytimeoutkillsconnection readfrommasterwhennoslaves readfromsourcewhennoreplicas readonlypropagatestoserver \
    reconnectattxend replicationconnectiongroup reportmetricsintervalmillis resourceid resultsetsizethreshold \
    retriesalldown rewritebatchedstatements rollbackonpooledclose roundrobinloadbalance scrolltolerantforwardonly \
    secondsbeforeretrymaster secondsbeforeretrysource selfdestructonpingmaxoperations \
    selfdestructonpingsecondslifetime sendfractionalseconds sendfractionalsecondsfortime serveraffinityorder \
    serverconfigcachefactory slowquerythresholdmillis slowquerythresholdnanos strictupdates tcpkeepalive tcpnodelay \
    tcprcvbuf tcpsndbuf tcptrafficclass tlsciphersuites tlsversions traceprotocol tracksessionstate \
    transformedbitisboolean treatutildateastimestamp useaffectedrows usebatchmultisend usebatchmultisendnumber \
    usebulkstmts usecolumnnamesinfindcolumn usecompression usecursorfetch usefastdateparsing usefastintparsing \
    usehostsinprivileges useinformationschema usejdbccomplianttimezoneshift usejvmcharsetconverters \
    uselegacydatetimecode uselocalsessionstate uselocaltransactionstate usemysqlmetadata usenanosforelapsedtime \
    useoldaliasmetadatabehavior useonlyservererrormessages usepipelineauth usereadaheadinput usereadonlysession \
    useserverprepstmts usesqlstatecodes usestreamlengthsinprepstmts usetimezone useunbufferedinput useunicode \
    useusageadvisor validconnectiontimeout yearisdatetype";

/// What is to be done with a parameter that is not honoured.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parameter {
    /// It is let pass.
    Harmless,
    /// It is refused.
    Refused,
    /// It is not known; one that is honoured, or would be refused, has a name like it.
    Mistyped(&'static str),
    /// It is not known, and the Java driver would not know it either.
    Unknown,
}

impl Parameter {
    /// Judges a parameter by its name.
    pub(super) fn of(name: &str) -> Self {
        let holds = |list: &'static str| list.split_whitespace().any(|known| known == name);
        if holds(HARMLESS) {
            return Self::Harmless;
        }
        if holds(REFUSED) {
            return Self::Refused;
        }
        let known: Vec<&str> = [HONOURED, REFUSED].into_iter().flat_map(str::split_whitespace).collect();
        config::nearest(name, &known).map_or(Self::Unknown, Self::Mistyped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_told_apart() {
        assert_eq!(Parameter::of("usecursorfetch"), Parameter::Harmless);
        assert_eq!(Parameter::of("maxrows"), Parameter::Refused);
        assert_eq!(Parameter::of("sslmod"), Parameter::Mistyped("sslmode"));
        assert_eq!(Parameter::of("shoesize"), Parameter::Unknown);
    }

    #[test]
    fn no_parameter_is_in_two_lists() {
        let mut all: Vec<&str> = [HONOURED, REFUSED, HARMLESS].into_iter().flat_map(str::split_whitespace).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
