# slapd with two users, made anew at each start.
. /opt/stack/roles/lib.sh
rm -rf /run/ldap
mkdir -p /run/ldap/db
cat > /run/ldap/slapd.conf <<CONF
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "$LDAP_BASE"
directory /run/ldap/db
CONF
person() { printf 'dn: uid=%s,ou=people,%s\nobjectClass: inetOrgPerson\ncn: %s\nsn: %s\nuid: %s\nuserPassword: %s\n\n' "$1" "$LDAP_BASE" "$1" "$1" "$1" "$2"; }
{
  printf 'dn: %s\nobjectClass: organization\nobjectClass: dcObject\no: Sakia\ndc: sakia\n\n' "$LDAP_BASE"
  printf 'dn: ou=people,%s\nobjectClass: organizationalUnit\nou: people\n\n' "$LDAP_BASE"
  person etl "$LDAP_ETL_PASSWORD"
  person analyst "$LDAP_ANALYST_PASSWORD"
} | slapadd -q -f /run/ldap/slapd.conf
# With -d it stays in the foreground.
exec slapd -d none -f /run/ldap/slapd.conf -h "ldap://0.0.0.0:$LDAP_PORT"
