# The KDC, and the authority that signs the stack's certificates. What the others and the host need (keytabs,
# certificates, stores) goes to the shared folder. Keytabs are written anew at each start from the keys in the
# volume; certificates are made once. The port opens last: who waits for it finds everything in place.
. /opt/stack/roles/lib.sh
export KRB5_KDC_PROFILE=$CONF/kdc/kdc.conf
umask 022

if [ ! -e /data/made ]; then
  rm -rf /data/principal*
  kdb5_util create -s -r "$REALM" -P master >/dev/null
  touch /data/made
fi

# keytab NAME PRINCIPAL OPTIONS...: sees to the principal and writes its key to keytabs/NAME.keytab.
keytab() {
  local file=$STACK_SHARED/keytabs/$1.keytab principal=$2; shift 2
  kadmin.local -q "addprinc -randkey $* $principal" >/dev/null 2>&1
  rm -f "$file.part"
  kadmin.local -q "ktadd -norandkey -k $file.part $principal" >/dev/null
  [ -s "$file.part" ] || die "no key for $principal"
  chmod 644 "$file.part"
  mv "$file.part" "$file"
}

mkdir -p "$STACK_SHARED/keytabs"
for name in ${SERVICE_PRINCIPALS//,/ }; do keytab "$name" "$name/$STACK_HOST@$REALM"; done
for name in ${USER_PRINCIPALS//,/ }; do keytab "$name" "$name@$REALM"; done
for name in ${BRIEF_PRINCIPALS//,/ }; do keytab "$name" "$name@$REALM" -maxlife '"2 minutes"'; done

# certificate NAME SUBJECT EXTENSION: NAME.key, NAME.pem and both as NAME.p12 and NAME.jks, signed by the authority.
certificate() {
  openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -subj "$2" -out "$1.csr" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile <(echo "$3") -out "$1.pem" 2>/dev/null
  openssl pkcs12 -export -in "$1.pem" -inkey "$1.key" -certfile ca.pem -name "$1" -passout "pass:$STORE_PASSWORD" -out "$1.p12"
  keytool -importkeystore -noprompt -srckeystore "$1.p12" -srcstorepass "$STORE_PASSWORD" -destkeystore "$1.jks" \
    -deststoretype JKS -deststorepass "$STORE_PASSWORD" 2>/dev/null
  rm "$1.csr"
}

trust_store() {
  keytool -importcert -noprompt -alias ca -file ca.pem -keystore "$1" -storetype "$2" -storepass "$STORE_PASSWORD" 2>/dev/null
}

if [ ! -d "$STACK_SHARED/tls" ]; then
  rm -rf "$STACK_SHARED/tls.part"
  mkdir "$STACK_SHARED/tls.part"
  cd "$STACK_SHARED/tls.part"
  openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -subj "/O=Sakia test stack/CN=Test authority" -days 3650 \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign -out ca.pem 2>/dev/null
  certificate server "/O=Sakia test stack/CN=$STACK_HOST" \
    "$(printf 'subjectAltName=DNS:%s,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth' "$STACK_HOST")"
  certificate client "/O=Sakia test stack/CN=etl" extendedKeyUsage=clientAuth
  trust_store trust.jks JKS
  trust_store trust.p12 PKCS12
  chmod 644 ./*
  cd /
  mv "$STACK_SHARED/tls.part" "$STACK_SHARED/tls"
fi

exec krb5kdc -n
