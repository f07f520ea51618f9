-- What people, streets and towns are called. Numbers count from 0 without a gap.

CREATE TEMPORARY TABLE first_name (n INT PRIMARY KEY, name VARCHAR(40), plain VARCHAR(40), gender CHAR(1))
  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT INTO first_name VALUES
  (0,'Ada','ada','F'), (1,'Beth','beth','F'), (2,'Carol','carol','F'), (3,'Chloé','chloe','F'), (4,'Dina','dina','F'),
  (5,'Elif','elif','F'), (6,'Freya','freya','F'), (7,'Grace','grace','F'), (8,'Hanna','hanna','F'), (9,'Inês','ines','F'),
  (10,'Jana','jana','F'), (11,'Karen','karen','F'), (12,'Laila','laila','F'), (13,'Maren','maren','F'),
  (14,'Niamh','niamh','F'), (15,'Olga','olga','F'), (16,'Priya','priya','F'), (17,'Rosa','rosa','F'),
  (18,'Sakura','sakura','F'), (19,'Zoë','zoe','F'),
  (20,'Aidan','aidan','M'), (21,'Björn','bjoern','M'), (22,'Carlos','carlos','M'), (23,'Dmitri','dmitri','M'),
  (24,'Eoin','eoin','M'), (25,'Farid','farid','M'), (26,'George','george','M'), (27,'Hugo','hugo','M'),
  (28,'Ivan','ivan','M'), (29,'Jürgen','juergen','M'), (30,'Kofi','kofi','M'), (31,'Liam','liam','M'),
  (32,'Mateusz','mateusz','M'), (33,'Noah','noah','M'), (34,'Omar','omar','M'), (35,'Pedro','pedro','M'),
  (36,'Rafael','rafael','M'), (37,'Søren','soeren','M'), (38,'Tom','tom','M'), (39,'William','william','M');

CREATE TEMPORARY TABLE last_name (n INT PRIMARY KEY, name VARCHAR(40), plain VARCHAR(40))
  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT INTO last_name VALUES
  (0,'Abbott','abbott'), (1,'Baker','baker'), (2,'Carter','carter'), (3,'Dupont','dupont'), (4,'Eriksen','eriksen'),
  (5,'Fischer','fischer'), (6,'García','garcia'), (7,'Hughes','hughes'), (8,'Ito','ito'), (9,'Jansen','jansen'),
  (10,'Kowalski','kowalski'), (11,'Lund','lund'), (12,'Müller','mueller'), (13,'Nowak','nowak'),
  (14,'O''Brien','obrien'), (15,'Papadakis','papadakis'), (16,'Quinn','quinn'), (17,'Rossi','rossi'),
  (18,'Smith-Jones','smith.jones'), (19,'Taylor','taylor'), (20,'Underhill','underhill'), (21,'van der Berg','vanderberg'),
  (22,'Walker','walker'), (23,'Yılmaz','yilmaz'), (24,'Zeller','zeller'), (25,'Cohen','cohen'), (26,'Silva','silva'),
  (27,'Haddad','haddad'), (28,'Virtanen','virtanen');

CREATE TEMPORARY TABLE street (n INT PRIMARY KEY, name VARCHAR(60)) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT INTO street VALUES
  (0,'Station Road'), (1,'Church Lane'), (2,'Mill Hill'), (3,'Orchard Way'), (4,'King Street'), (5,'Harbour View'),
  (6,'Linden Avenue'), (7,'Market Place'), (8,'Sandy Lane'), (9,'Queen''s Road'), (10,'Victoria Terrace'),
  (11,'Windmill Close');

-- Towns of each country of the invoices. A postcode is the prefix and digits for each 9; in Britain it ends in letters
-- that no real one ends in.
CREATE TEMPORARY TABLE town (country VARCHAR(40), n INT, city VARCHAR(80), region VARCHAR(80), postcode VARCHAR(12),
                             lang CHAR(5), PRIMARY KEY (country, n)) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
INSERT INTO town VALUES
  ('United Kingdom',0,'London','England','SE9 9KO','en-GB'), ('United Kingdom',1,'Birmingham','England','B9 9KO','en-GB'),
  ('United Kingdom',2,'Leeds','England','LS9 9KO','en-GB'), ('United Kingdom',3,'Glasgow','Scotland','G9 9KO','en-GB'),
  ('United Kingdom',4,'Sheffield','England','S9 9KO','en-GB'), ('United Kingdom',5,'Manchester','England','M9 9KO','en-GB'),
  ('United Kingdom',6,'Edinburgh','Scotland','EH9 9KO','en-GB'), ('United Kingdom',7,'Bristol','England','BS9 9KO','en-GB'),
  ('United Kingdom',8,'Cardiff','Wales','CF9 9KO','en-GB'), ('United Kingdom',9,'Belfast','Northern Ireland','BT9 9KO','en-GB'),
  ('Germany',0,'Berlin','Berlin','10999','de-DE'), ('Germany',1,'Hamburg','Hamburg','20999','de-DE'),
  ('Germany',2,'München','Bayern','80999','de-DE'), ('Germany',3,'Köln','Nordrhein-Westfalen','50999','de-DE'),
  ('France',0,'Paris','Île-de-France','75099','fr-FR'), ('France',1,'Lyon','Auvergne-Rhône-Alpes','69099','fr-FR'),
  ('France',2,'Nantes','Pays de la Loire','44099','fr-FR'),
  ('EIRE',0,'Dublin','Leinster','D99','en-IE'), ('EIRE',1,'Cork','Munster','T99','en-IE'),
  ('Spain',0,'Madrid','Madrid','28999','es-ES'), ('Spain',1,'Valencia','Comunitat Valenciana','46999','es-ES'),
  ('Netherlands',0,'Amsterdam','Noord-Holland','1099','nl-NL'), ('Netherlands',1,'Utrecht','Utrecht','3599','nl-NL'),
  ('Belgium',0,'Antwerpen','Vlaanderen','2099','nl-BE'), ('Belgium',1,'Liège','Wallonie','4099','fr-BE'),
  ('Switzerland',0,'Zürich','Zürich','8099','de-CH'), ('Switzerland',1,'Lausanne','Vaud','1099','fr-CH'),
  ('Portugal',0,'Lisboa','Lisboa','1999','pt-PT'), ('Portugal',1,'Porto','Norte','4999','pt-PT'),
  ('Australia',0,'Sydney','New South Wales','2099','en-AU'), ('Australia',1,'Perth','Western Australia','6099','en-AU'),
  ('Norway',0,'Oslo','Oslo','0999','nb-NO'), ('Norway',1,'Bergen','Vestland','5999','nb-NO'),
  ('Italy',0,'Milano','Lombardia','20199','it-IT'), ('Italy',1,'Torino','Piemonte','10199','it-IT'),
  ('Channel Islands',0,'St Helier','Jersey','JE9 9KO','en-GB'),
  ('Channel Islands',1,'St Peter Port','Guernsey','GY9 9KO','en-GB'),
  ('Finland',0,'Helsinki','Uusimaa','00999','fi-FI'), ('Cyprus',0,'Nicosia','Nicosia','1099','el-CY'),
  ('Cyprus',1,'Limassol','Limassol','3099','el-CY'), ('Sweden',0,'Göteborg','Västra Götaland','41999','sv-SE'),
  ('Sweden',1,'Malmö','Skåne','21999','sv-SE'), ('Austria',0,'Wien','Wien','1099','de-AT'),
  ('Austria',1,'Graz','Steiermark','8099','de-AT'), ('Denmark',0,'København','Hovedstaden','2199','da-DK'),
  ('Denmark',1,'Aarhus','Midtjylland','8099','da-DK'), ('Japan',0,'Osaka','Ōsaka','53999','ja-JP'),
  ('Poland',0,'Kraków','Małopolskie','30999','pl-PL'), ('Israel',0,'Haifa','Haifa','31999','he-IL'),
  ('USA',0,'Portland','Oregon','97299','en-US'), ('USA',1,'Boston','Massachusetts','02199','en-US'),
  ('Hong Kong',0,'Hong Kong','Kowloon','999','en-HK'), ('Singapore',0,'Singapore','Central','18999','en-SG'),
  ('Iceland',0,'Reykjavík','Höfuðborgarsvæðið','199','is-IS'), ('Canada',0,'Toronto','Ontario','M9W','en-CA'),
  ('Greece',0,'Athína','Attikí','10999','el-GR'), ('Malta',0,'Valletta','Malta','VLT 9','en-MT'),
  ('United Arab Emirates',0,'Dubai','Dubai','999','en-AE'), ('European Community',0,'Bruxelles','Bruxelles','1099','fr-BE'),
  ('RSA',0,'Cape Town','Western Cape','8099','en-ZA'), ('Lebanon',0,'Beirut','Beirut','1199','ar-LB'),
  ('Lithuania',0,'Vilnius','Vilnius','01999','lt-LT'), ('Brazil',0,'Recife','Pernambuco','50999','pt-BR'),
  ('Czech Republic',0,'Brno','Jihomoravský','60999','cs-CZ'), ('Bahrain',0,'Manama','Capital','399','ar-BH'),
  ('Saudi Arabia',0,'Jeddah','Makkah','21999','ar-SA'), ('Unspecified',0,NULL,NULL,NULL,'en-GB');
